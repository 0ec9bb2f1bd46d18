# The service, for an orchestrator: docker build -t driver-streaming . && docker run -p 8080:8080 -v ./etc:/etc/driver-streaming driver-streaming
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package driver-cli

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/spool/driver-streaming --create-home driver
COPY --from=build /src/target/release/driver-streaming /usr/local/bin/
USER driver
# The configuration, with `spool = "/var/spool/driver-streaming"`, and the token that whoever is outside of the container needs.
VOLUME ["/etc/driver-streaming", "/var/spool/driver-streaming"]
EXPOSE 8080
# PID 1 has to handle signals, as it does: SIGTERM lets auctions finish.
STOPSIGNAL SIGTERM
ENTRYPOINT ["driver-streaming"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--config", "/etc/driver-streaming/driver.toml", "--token-file", "/etc/driver-streaming/token", "--log-format", "json"]
