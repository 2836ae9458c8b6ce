//! A real anvil node on a port of its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::peers;

/// First of anvil's unlocked accounts.
pub const ALICE: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
/// Second of anvil's unlocked accounts.
pub const BOB: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// A node that ends with this value.
pub struct Anvil {
    binary: PathBuf,
    args: Vec<String>,
    child: Option<Child>,
    port: u16,
    http: reqwest::Client,
}

/// Longest time that any call takes, mining thousands of blocks on a busy machine included.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);

impl Anvil {
    /// Starts a node that mines only when told, with more arguments where a test wants them; `None` without anvil.
    pub async fn start(args: &[&str]) -> anyhow::Result<Option<Self>> {
        let Some(binary) = peers::anvil() else { return Ok(None) };
        let port = free_port()?;
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut anvil = Self {
            binary,
            args,
            child: None,
            port,
            http: watchfire::http::client_builder().build().unwrap_or_default(),
        };
        anvil.restart().await?;
        Ok(Some(anvil))
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same by WebSocket.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Ends the node, as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the node to end, so that it keeps what its arguments tell it to keep.
    pub async fn end_well(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
            anyhow::ensure!(status.success(), "anvil can't be told to end");
            for _ in 0..200 {
                if child.try_wait()?.is_some() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            bail!("anvil does not end");
        }
        Ok(())
    }

    /// Starts the node again on its port. What it had is gone, unless its arguments keep it.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let child = Command::new(&self.binary)
            .args(["--port", &self.port.to_string(), "--no-mining", "--silent"])
            .args(&self.args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} can't be started", self.binary.display()))?;
        self.child = Some(child);
        for _ in 0..200 {
            if self.rpc("eth_chainId", json!([])).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("anvil does not answer on port {}", self.port)
    }

    /// One call. A node that locks itself up, as anvil at times does under many requests, is an error rather than a wait.
    pub async fn rpc(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value =
            self.http.post(self.url()).timeout(ANSWERS_WITHIN).json(&request).send().await?.json().await?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer["result"].clone()),
        }
    }

    /// Mines one block at once.
    pub async fn mine(&self) -> anyhow::Result<()> {
        self.rpc("evm_mine", json!([])).await.map(drop)
    }

    /// Mines many blocks at once.
    pub async fn mine_many(&self, count: u64) -> anyhow::Result<()> {
        self.rpc("anvil_mine", json!([format!("{count:#x}"), "0x1"])).await.map(drop)
    }

    /// Height of the newest block.
    pub async fn height(&self) -> anyhow::Result<u64> {
        let height = self.rpc("eth_blockNumber", json!([])).await?;
        let digits = height.as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
        Ok(u64::from_str_radix(&digits, 16)?)
    }

    /// Sends a transaction from an unlocked account into the pool; its hash. `to` is `None` for a creation.
    pub async fn send(&self, from: &str, to: Option<&str>, value_wei: u128, data: &str) -> anyhow::Result<String> {
        let mut transaction =
            json!({ "from": from, "value": format!("{value_wei:#x}"), "data": data, "gas": "0x4c4b40" });
        if let Some(to) = to {
            transaction["to"] = to.into();
        }
        let hash = self.rpc("eth_sendTransaction", json!([transaction])).await?;
        hash.as_str().map(str::to_owned).context("no hash came back")
    }

    /// The receipt of a transaction that was mined.
    pub async fn receipt(&self, hash: &str) -> anyhow::Result<Value> {
        let receipt = self.rpc("eth_getTransactionReceipt", json!([hash])).await?;
        anyhow::ensure!(receipt.is_object(), "{hash} is in no block");
        Ok(receipt)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
