use std::time::Duration;

use crate::solver::Solver;

/// The HTTP clients: connections are kept and used again by all auctions.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// For engines on this machine, which no proxy can reach.
    direct: reqwest::Client,
    /// For all others: by the proxy that the environment names, if it names one.
    outside: reqwest::Client,
}

impl Clients {
    /// Clients for requests that take at most `deadline`.
    ///
    /// An engine that stalls keeps its connection when its request is given up: hyper closes one only after what it
    /// had taken has been written. The kernel closes it when nothing has moved for a whole deadline. (On other systems
    /// than Linux, there is no such limit.)
    pub(crate) fn new(deadline: Duration) -> Result<Self, reqwest::Error> {
        // A redirected POST would be a second request, of which the caller knows nothing.
        let builder = || {
            let builder = reqwest::Client::builder();
            #[cfg(target_os = "linux")]
            let builder = builder.tcp_user_timeout(deadline);
            #[cfg(not(target_os = "linux"))]
            let _no_such_option = deadline;
            builder
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("driver-streaming/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self {
            direct: builder().no_proxy().build()?,
            outside: builder().build()?,
        })
    }

    pub(super) fn for_solver(&self, solver: &Solver) -> &reqwest::Client {
        if solver.is_loopback() {
            &self.direct
        } else {
            &self.outside
        }
    }

    /// The client for something else than a solver.
    #[cfg(feature = "cli")]
    pub(crate) fn for_url(&self, url: &url::Url) -> &reqwest::Client {
        if crate::solver::is_loopback(url) {
            &self.direct
        } else {
            &self.outside
        }
    }
}
