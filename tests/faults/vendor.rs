//! Servers with a fault, byte by byte, until they are mended.

use crate::answers::{Asked, good, sent};
use crate::server::{read_request, wait_for_close};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::time::Duration;

/// What a server does with a request.
pub enum Act {
    /// Answers with these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Sends these bytes at once, then the others one a second.
    Drip(Vec<u8>, Vec<u8>),
    Hang,
}

type Decide = Arc<dyn Fn(&Asked) -> Act + Send + Sync>;

/// How a server is met.
#[derive(Clone)]
pub enum Place {
    /// On a port, where requests are answered so.
    Plain(Decide),
    /// On a port with this certificate.
    Tls(Arc<ServerConfig>),
    /// Nobody listens yet.
    Refused,
    /// The name does not exist.
    NoName,
}

impl Place {
    pub fn plain(decide: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        Self::Plain(Arc::new(decide))
    }
}

/// Tells all servers at once that they are mended.
#[derive(Clone, Default)]
pub struct Mended(Arc<AtomicBool>);

impl Mended {
    pub fn set(&self) {
        self.0.store(true, SeqCst);
    }

    fn get(&self) -> bool {
        self.0.load(SeqCst)
    }
}

/// Starts a server and tells its base URL. Once mended, it gives good answers, with a `good` certificate
/// where it speaks TLS.
pub fn start(place: &Place, mended: &Mended, good_tls: &Arc<ServerConfig>) -> String {
    let (mended, good_tls) = (mended.clone(), Arc::clone(good_tls));
    // No other program listens on this one of the machine's own addresses.
    let listener = TcpListener::bind("127.9.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    match place.clone() {
        Place::NoName => return "http://nobody.invalid".into(),
        Place::Refused => {
            // Where no other server of these tests can get the port meanwhile.
            static NEXT: AtomicU8 = AtomicU8::new(1);
            let free =
                TcpListener::bind(SocketAddr::from(([127, 10, 0, NEXT.fetch_add(1, SeqCst)], 0))).expect("a port");
            let address = free.local_addr().expect("its address");
            drop(free);
            std::thread::spawn(move || listen_when_mended(address, &mended));
            return format!("http://{address}");
        }
        Place::Plain(decide) => serve(listener, move |stream| plain(stream, &decide, &mended)),
        Place::Tls(bad_tls) => {
            serve(listener, move |stream| tls(stream, if mended.get() { &good_tls } else { &bad_tls }));
            return format!("https://{address}");
        }
    }
    format!("http://{address}")
}

fn listen_when_mended(address: SocketAddr, mended: &Mended) {
    while !mended.get() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let always = Mended::default();
    always.set();
    let decide: Decide = Arc::new(|_| Act::Hang);
    serve(TcpListener::bind(address).expect("the same port"), move |stream| plain(stream, &decide, &always));
}

fn serve(listener: TcpListener, talk: impl Fn(TcpStream) + Send + Sync + 'static) {
    let talk = Arc::new(talk);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = Arc::clone(&talk);
            std::thread::spawn(move || talk(stream));
        }
    });
}

fn plain(mut stream: TcpStream, decide: &Decide, mended: &Mended) {
    // Looked at, not read: closing a socket with unread bytes in it resets the connection.
    let mut head = vec![0; 64 * 1024];
    let mut seen = 0;
    while !is_whole(&head[..seen]) {
        match stream.peek(&mut head) {
            Ok(now) if now > seen => seen = now,
            Ok(0) | Err(_) => return,
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    let asked = Asked::of(&String::from_utf8_lossy(&head[..seen]));
    let act = if mended.get() { Act::Send(sent(good(&asked))) } else { decide(&asked) };
    if let Act::Reset(bytes) = act {
        stream.write_all(&bytes).ok();
        return;
    }
    read_request(&mut stream);
    match act {
        Act::Send(bytes) => _ = stream.write_all(&bytes),
        Act::Drip(at_once, slowly) => {
            stream.write_all(&at_once).ok();
            for byte in slowly {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        Act::Hang | Act::Reset(_) => wait_for_close(&mut stream),
    }
}

/// Whether a request is there with its body, which is an object in all three.
fn is_whole(request: &[u8]) -> bool {
    request.windows(5).any(|bytes| bytes == b"\r\n\r\n{") && request.ends_with(b"}")
}

fn tls(stream: TcpStream, config: &Arc<ServerConfig>) {
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).expect("a server"), stream);
    let request = read_request(&mut tls);
    if !request.is_empty() {
        tls.write_all(&sent(good(&Asked::of(&request)))).ok();
        tls.conn.send_close_notify();
        tls.flush().ok();
    }
}
