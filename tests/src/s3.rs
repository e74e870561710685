//! An object store of a test's own: S3Proxy on loopback, which keeps objects as files, gone with the test.
//!
//! `./dev` fetches its package and names the folder in `PAIDONCE_S3`.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::broker::free_addresses;

/// Names the folder with the server's Java package.
pub const PACKAGES: &str = "PAIDONCE_S3";
const READY_WITHIN: Duration = Duration::from_secs(60);
const BUCKET: &str = "checkpoints";
const KEY: &str = "tests";
const SECRET: &str = "of-the-tests";

/// A server at work, with one bucket.
pub struct ObjectStore {
    address: SocketAddr,
    package: PathBuf,
    process: Option<Child>,
    folder: TempDir,
}

impl ObjectStore {
    /// Starts one whose bucket is empty and waits until it can be reached.
    pub fn start() -> Result<ObjectStore> {
        let packages = std::env::var_os(PACKAGES).map(PathBuf::from);
        let packages = packages.with_context(|| format!("{PACKAGES} names no folder; start the tests by ./dev"))?;
        let package = fs::read_dir(&packages)?.filter_map(|entry| Some(entry.ok()?.path())).next();
        let package = package.with_context(|| format!("{} holds no package", packages.display()))?;
        let folder = tempfile::Builder::new().prefix("paidonce-s3-").tempdir()?;
        let address = free_addresses(1)?[0];
        fs::create_dir_all(folder.path().join("objects").join(BUCKET))?;
        let properties = format!(
            "s3proxy.endpoint=http://{address}\n\
             s3proxy.authorization=aws-v4\n\
             s3proxy.identity={KEY}\n\
             s3proxy.credential={SECRET}\n\
             jclouds.provider=filesystem-nio2\n\
             jclouds.identity=unused\n\
             jclouds.credential=unused\n\
             jclouds.filesystem.basedir={}\n",
            folder.path().join("objects").display()
        );
        fs::write(folder.path().join("properties"), properties)?;
        let mut server = ObjectStore { address, package, process: None, folder };
        server.start_again()?;
        Ok(server)
    }

    /// Starts a server that was killed on the same files.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "the server runs already");
        let log = File::create(self.folder.path().join("log"))?;
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-DLOG_LEVEL=warn"]);
        java.arg("-jar").arg(&self.package).arg("--properties").arg(self.folder.path().join("properties"));
        java.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = Some(java.spawn().context("java does not start")?);
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect(self.address).is_err() {
            if let Some(ended) = self.process.as_mut().context("the server does not run")?.try_wait()? {
                bail!("the server ended ({ended})\n{}", self.told());
            }
            ensure!(Instant::now() < deadline, "the server is not ready\n{}", self.told());
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// `kill -9`: it cannot be reached, the objects stay.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the server does not run")?;
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// The bucket, as people name it.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}/line")
    }

    /// What clients find in their environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        let named = [
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        named.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Where the objects below the URL lie as files.
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("objects").join(BUCKET).join("line")
    }

    fn told(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // One that was killed already needs no killing.
        let _gone = self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.told());
        }
    }
}
