//! The steps of a life, as shim.c wrote them down.

use std::path::Path;

/// Something that the process did to its folder, or told the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Create {
        name: String,
        inode: u64,
        mode: u32,
    },
    Write {
        inode: u64,
        offset: u64,
        data: Vec<u8>,
    },
    Truncate {
        inode: u64,
        length: u64,
    },
    SetMode {
        inode: u64,
        mode: u32,
    },
    Sync {
        inode: u64,
    },
    SyncFolder,
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        name: String,
    },
    /// The first bytes of what left through a socket.
    Send(Vec<u8>),
    /// What left through stderr.
    Log(Vec<u8>),
}

impl Step {
    /// A request that Pospal would charge.
    pub fn is_poll(&self) -> bool {
        matches!(self, Self::Send(bytes) if bytes.starts_with(b"POST /pospal"))
    }

    /// A login request.
    pub fn is_login(&self) -> bool {
        matches!(self, Self::Send(bytes) if bytes.starts_with(b"POST /posservice"))
    }

    /// A change of a name in the folder.
    pub fn is_of_the_folder(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Rename { .. } | Self::Unlink { .. })
    }
}

/// All steps of the processes that recorded to this file, in order.
pub fn read(file: &Path) -> Vec<Step> {
    let bytes = std::fs::read(file).expect("a recording");
    let mut reader = Reader(&bytes);
    let mut steps = Vec::new();
    while !reader.0.is_empty() {
        let kind = reader.u32();
        let mode = reader.u32();
        let lengths = [reader.u32(), reader.u32(), reader.u32()].map(|length| length as usize);
        reader.u32();
        let (inode, offset) = (reader.u64(), reader.u64());
        let [name, to, data] = lengths.map(|length| reader.bytes(length).to_vec());
        let [name, to] = [name, to].map(|name| String::from_utf8(name).expect("names are text"));
        steps.push(match kind {
            1 => Step::Create { name, inode, mode },
            2 => Step::Write { inode, offset, data },
            3 => Step::Truncate { inode, length: offset },
            4 => Step::SetMode { inode, mode },
            5 => Step::Sync { inode },
            6 => Step::SyncFolder,
            7 => Step::Rename { from: name, to },
            8 => Step::Unlink { name },
            9 => Step::Send(data),
            10 => Step::Log(data),
            other => panic!("shim.c knows no step {other}"),
        });
    }
    steps
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.bytes(4).try_into().expect("four bytes"))
    }

    fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.bytes(8).try_into().expect("eight bytes"))
    }
}
