# The service, for an orchestrator: docker build -t driver-streaming . && docker run -p 8080:8080 -v ./etc:/etc/driver-streaming driver-streaming
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package driver-cli

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/driver-streaming --create-home driver
COPY --from=build /src/target/release/driver-streaming /usr/local/bin/
USER driver
# Mount driver.toml, with `spool = "/var/lib/driver-streaming/spool"`, and the token that drivers must send at
# /etc/driver-streaming. The user `driver` must be able to read both.
VOLUME ["/var/lib/driver-streaming"]
EXPOSE 8080
# SIGTERM lets auctions finish, within 30 s: `docker stop --time 40`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["driver-streaming"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--config", "/etc/driver-streaming/driver.toml", "--token-file", "/etc/driver-streaming/token", "--log-format", "json"]
