# A container image with nothing in it but the binary and the certificates of
# public authorities. `make image` builds both first.
FROM scratch
COPY bin/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY bin/outcrop /outcrop
USER 65532:65532
EXPOSE 4000
ENTRYPOINT ["/outcrop"]
CMD ["serve", "--host", "0.0.0.0"]
