# syntax=docker/dockerfile:1
# One image for all processes; what each does is its command. RocksDB and librdkafka are compiled in: 10 to 20 minutes
# the first time, seconds as long as Cargo.lock and the manifests stay.
FROM rust:1.89-bookworm AS chef
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake libclang-dev libcurl4-openssl-dev libssl-dev \
    && rm -rf /var/lib/apt/lists/*
RUN cargo install --locked cargo-chef@0.1.78
WORKDIR /build

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
ENV ROCKSDB_COMPILE=1
COPY --from=plan /build/recipe.json recipe.json
RUN cargo chef cook --release --locked --package cli --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package cli

FROM debian:bookworm-slim
# Object stores are known by their certificates.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home paidonce \
    && install -d -o paidonce -g paidonce /var/lib/paidonce /var/lib/paidonce/shared
COPY --from=build /build/target/release/paidonce /usr/local/bin/paidonce
COPY config /etc/paidonce
USER 10001:10001
VOLUME /var/lib/paidonce
EXPOSE 9464
# What a process serves with `--metrics 0.0.0.0:9464`; one without it is told healthy by `--no-healthcheck`.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["paidonce"]
CMD ["--help"]
