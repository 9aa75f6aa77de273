# The bearerbox of compose.yaml; kannel-extras has fakesmsc, which plays the mobiles.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends kannel kannel-extras \
    && rm -rf /var/lib/apt/lists/*
USER kannel
ENTRYPOINT ["/usr/sbin/bearerbox", "-v", "1"]
CMD ["/etc/kannel/kannel.conf"]
