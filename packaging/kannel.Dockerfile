FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends kannel \
    && rm -rf /var/lib/apt/lists/*
USER kannel
ENTRYPOINT ["/usr/sbin/bearerbox", "-v", "1"]
CMD ["/etc/kannel/kannel.conf"]
