use crate::solver::Solver;

/// The HTTP clients: connections are kept and used again by all auctions.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    /// For engines on this machine, which no proxy can reach.
    direct: reqwest::Client,
    /// For all others: by the proxy that the environment names, if it names one.
    outside: reqwest::Client,
}

impl Clients {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // A redirected POST would be a second request, of which the caller knows nothing.
        let builder = || {
            reqwest::Client::builder()
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
}
