use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::scripted::Scripted;
use super::standing_in::stand_in;
use super::unhttp::serve_unhttp;
use crate::ledger::Ledger;
use crate::plan::Behaviour;

/// An engine that serves until it is stopped.
#[derive(Debug)]
pub(crate) struct Engine {
    url: String,
    task: Option<JoinHandle<()>>,
    /// A port that nobody else is given, and that nothing listens at.
    _held: Option<TcpSocket>,
}

impl Engine {
    /// Starts one on another runtime.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(crate) async fn start(
        behaviour: Behaviour,
        ledger: Arc<Ledger>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let started = runtime.spawn(Self::start_here(behaviour, ledger));
        started.await.map_err(io::Error::other)?
    }

    async fn start_here(behaviour: Behaviour, ledger: Arc<Ledger>) -> io::Result<Self> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        if behaviour == Behaviour::Refusing {
            let socket = TcpSocket::new_v4()?;
            socket.bind(anywhere)?;
            return Ok(Self {
                url: format!("http://{}", socket.local_addr()?),
                task: None,
                _held: Some(socket),
            });
        }
        let (url, task) = match behaviour {
            Behaviour::Unhttp { after, what } => {
                let listener = TcpListener::bind(anywhere).await?;
                let url = format!("http://{}", listener.local_addr()?);
                (url, tokio::spawn(serve_unhttp(listener, after, what)))
            }
            Behaviour::HealthyElsewhere | Behaviour::Early { .. } | Behaviour::Flaky { .. } => {
                let listener = TcpListener::bind(anywhere).await?;
                let url = format!("http://{}", listener.local_addr()?);
                let scripted = Arc::new(Scripted::new(behaviour, ledger));
                (url, tokio::spawn(scripted.serve(listener)))
            }
            _ => {
                let stand_in = stand_in(behaviour, ledger).bind(anywhere).await?;
                (stand_in.url(), tokio::spawn(stand_in.serve()))
            }
        };
        Ok(Self {
            url,
            task: Some(task),
            _held: None,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it, and every connection to it.
    pub(crate) async fn stop(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // That it was aborted is what was wanted.
            let _aborted = task.await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
