# syntax=docker/dockerfile:1
# A static binary in an image that has git, and nothing else to run.
#
#   docker build -t registry.example.com/countersign:v0.1.0 .
#
# Pin both images by digest where you build for real. To build for another
# platform: --platform, no emulation is needed for the first stage.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w" -o /out/countersign ./cmd/countersign

FROM debian:bookworm-slim
# git fetches the repositories, with sh around it for its limits; the
# certificates are those of GitHub's address and of the alerts' receivers.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 countersign \
 && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home \
      --shell /usr/sbin/nologin countersign \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/countersign
COPY --from=build /out/countersign /usr/local/bin/countersign
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
# All that is written lies here and in /tmp: the root may be read-only.
VOLUME ["/var/lib/countersign", "/tmp"]
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/countersign"]
CMD ["serve"]
