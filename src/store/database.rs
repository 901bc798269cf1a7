//! The SQLite file: made, opened, migrated, closed.

use super::disk::folder_of;
use super::error::StoreError;
use super::fault::Fault;
use super::groups::Groups;
use super::inspection::inspect;
use super::migrations::migrations;
use super::open_file::OpenFile;
use super::own_file;
use super::owner::Owner;
use super::pool::{self, CLOSE_TIMEOUT, connect, reason};
use super::schema::Schema;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Owner writes, group reads: contract section 3.
const MODE: u32 = 0o640;
/// How long a writer waits for somebody else's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a stop waits for readers before it leaves the file in WAL mode.
const READERS_TIMEOUT: Duration = Duration::from_millis(300);
/// The write-ahead log is cut back to this once its readers have gone.
const WAL_LIMIT: &str = "4194304";

/// The history and the ledger.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    pub(super) groups: Arc<Groups>,
    /// The file that was opened, where it is written to.
    file: Option<OpenFile>,
}

impl Store {
    /// Refuses a place where somebody else has left something: what would be written into it, or believed,
    /// is not this database. Opens nothing.
    ///
    /// # Errors
    /// Names what stands there.
    pub fn judge_place(path: &Path) -> Result<(), StoreError> {
        own_file::judge_database(path)
            .map_err(|error| StoreError::Open { path: path.to_owned(), reason: advice(path, &error) })
    }

    /// Opens the file for writing, made with mode 0640 where there is none, and brings it up to date.
    ///
    /// # Errors
    /// Names the file and what is wrong with it: folder missing, no permission, not a database, made by
    /// a newer version; [`StoreError::Damaged`] where it may be set aside. Nothing was changed then.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::judge_place(path)?;
        inspect(path).await?;
        create(path).map_err(|error| StoreError::Open { path: path.to_owned(), reason: advice(path, &error) })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            // The ledger must not forget a call when the power fails. Extra, not Full: where a reader keeps the
            // file out of WAL mode, a commit is sure only once the folder is synced without the journal.
            .synchronous(SqliteSynchronous::Extra)
            .pragma("journal_size_limit", WAL_LIMIT)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = connect(path, options).await?;
        migrations().run(&pool).await.map_err(|error| unmigrated(path, &error))?;
        let store = Self { pool, groups: Arc::default(), file: OpenFile::of(path).ok() };
        store.enter_wal_mode().await;
        Ok(store)
    }

    /// Lets readers and the writer not wait for each other. That takes the file for itself for a moment:
    /// where a reader is in the way, logins must go on all the same, so this is tried again later.
    pub async fn enter_wal_mode(&self) {
        let _ = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(&self.pool).await;
    }

    /// Opens the file for reading, without needing more than read permission.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no file yet.
    pub async fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        let refused = |error: io::Error| StoreError::Open { path: path.to_owned(), reason: advice(path, &error) };
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {}
            // SQLite would wait for a pipe's other end.
            Ok(_) => return Err(refused(io::Error::other("it is not a file; name another one in database.path"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing(path.to_owned())),
            Err(error) => return Err(refused(error)),
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let pool = connect(path, options).await?;
        // SQLite opens anything: whether it is a database shows when it is first read.
        let read = sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1").fetch_optional(&pool).await;
        read.map_err(|error| StoreError::Open { path: path.to_owned(), reason: reason(path, &error) })?;
        Ok(Self { pool, groups: Arc::default(), file: None })
    }

    /// Lets go of a damaged file without writing to it, as an orderly close would do: the connection is
    /// left open until the process ends.
    pub fn abandon(self) {
        std::mem::forget(self.pool);
    }

    /// How large the write-ahead log is, and where it lies; `None` where there is none.
    pub fn write_ahead_log(&self) -> Option<(PathBuf, u64)> {
        let mut name = self.file.as_ref()?.path.as_os_str().to_owned();
        name.push("-wal");
        let log = PathBuf::from(name);
        let size = std::fs::metadata(&log).ok()?.len();
        Some((log, size))
    }

    /// Leaves the file to its readers. In WAL mode a reader without write permission needs the `-wal`
    /// and `-shm` files beside it, and an orderly close removes them; so the file goes back to rollback
    /// mode. Where a reader is in the way, the connection is left open until the process ends, which
    /// leaves both files where they are, as a kill does.
    pub async fn close(self) {
        let is_one_file = tokio::time::timeout(CLOSE_TIMEOUT, self.leave_wal_mode()).await;
        if is_one_file == Ok(true) {
            self.pool.close().await;
        } else {
            std::mem::forget(self.pool);
        }
    }

    /// Ends a store that was opened for reading; a writer can leave WAL mode only where nobody reads.
    pub async fn close_for_reading(&self) {
        pool::close(&self.pool).await;
    }

    /// Tells whose tables these are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        Schema::of(&self.pool).await
    }

    /// How large the file is.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn size_in_bytes(&self) -> Result<i64, StoreError> {
        let size = sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()");
        Ok(size.fetch_one(&self.pool).await?)
    }

    async fn leave_wal_mode(&self) -> bool {
        let Ok(mut connection) = self.pool.acquire().await else { return false };
        let timeout = format!("PRAGMA busy_timeout = {}", READERS_TIMEOUT.as_millis());
        let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(timeout)).execute(&mut *connection).await;
        let mode: Result<String, _> =
            sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut *connection).await;
        mode.is_ok_and(|mode| mode == "delete")
    }

    /// Writes something that changes nothing.
    ///
    /// # Errors
    /// It cannot be written: a full disk, a lock, another I/O error.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE app SET configured = configured").execute(&mut *transaction).await?;
        sqlx::query("UPDATE device SET configured = configured").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// A transaction that takes the write lock at once: one that reads first and writes later would fail
    /// instead of waiting.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        self.file.as_ref().map_or(Ok(()), OpenFile::check)?;
        match self.pool.begin_with(BEGIN).await {
            // A full disk or an I/O error ends a transaction inside SQLite, which sqlx does not notice: it
            // would take that connection for one within a transaction for ever.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                let _ = self.pool.acquire().await?.close().await;
                Ok(self.pool.begin_with(BEGIN).await?)
            }
            begun => Ok(begun?),
        }
    }
}

fn create(path: &Path) -> io::Result<()> {
    // The mode as given is cut by the umask.
    let let_the_group_read = |file: &File| file.set_permissions(std::fs::Permissions::from_mode(MODE));
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        Ok(file) => {
            Owner::take(Owner::of(folder_of(path)), &file)?;
            let_the_group_read(&file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            // Empty: the start that made it was killed before it came to that.
            if file.metadata()?.len() == 0 { let_the_group_read(&file) } else { Ok(()) }
        }
        Err(error) => Err(error),
    }
}

fn advice(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("the folder {} does not exist; make it, or change database.path", folder.display())
        }
        io::ErrorKind::PermissionDenied => {
            format!("no permission; it and {} must belong to the user that poskeeper runs as", folder.display())
        }
        _ => format!("{error}; {}", Fault::of_io(error).cure()),
    }
}

fn unmigrated(path: &Path, error: &MigrateError) -> StoreError {
    let reason = match Fault::of_migration(error).seen_on(path) {
        Fault::Damaged => return StoreError::Damaged { path: path.to_owned(), reason: error.to_string() },
        Fault::Other => format!("{error}; was it made by a newer poskeeper, or is it another program's file?"),
        fault => format!("{error}; {}", fault.cure()),
    };
    StoreError::Open { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_a_killed_start_left_empty_is_opened_to_the_group() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("poskeeper.db");
        let mode = || std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).expect("made");
        Store::open(&path).await.expect("opened").close().await;
        assert_eq!(mode(), 0o640);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("closed to the group");
        Store::open(&path).await.expect("opened").close().await;
        assert_eq!(mode(), 0o600, "the operator's own mode is left alone");
    }

    #[tokio::test]
    async fn once_a_full_disk_has_space_again_transactions_work_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("opened");
        let run = async |sql| sqlx::raw_sql(sql).execute(store.pool()).await.map(|_| ());
        run("CREATE TABLE ballast (bytes BLOB)").await.expect("made");
        // To SQLite a file at its largest is a full disk: the same error, and the same end of the transaction.
        run("PRAGMA max_page_count = 1").await.expect("full");
        let mut transaction = store.begin().await.expect("begun");
        let insert = "INSERT INTO ballast VALUES (zeroblob(1000000))";
        let failure = sqlx::query(insert).execute(&mut *transaction).await.expect_err("no space");
        assert!(failure.to_string().contains("disk is full"), "{failure}");
        drop(transaction);
        run("PRAGMA max_page_count = 1000000").await.expect("space");
        for _ in 0..2 {
            store.try_writing().await.expect("written");
        }
    }
}
