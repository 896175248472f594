# Everything that a person or CI does with this repository. Build and run need Go,
# make and Git; test installs what else it needs.

PORT   ?= 4000
GO     ?= go
PREFIX ?= /usr/local
BIN    := bin/outcrop

# What make dist makes: the version (by default of the tag or the commit), the folder, and more flags, such as
# -platforms linux/amd64.
VERSION ?=
OUT     ?= dist
DIST    ?=

# The race detector, but not within SQLite, which is C that was translated to Go: its data is outside Go's memory, and the
# detector ignores all that is (racecalladdr in Go's runtime), so that there it costs time and finds nothing.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# How many packages are tested at a time: one more than there are processors, because some tests wait.
AT_ONCE := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: all help build install dist image run test compile test-go cover lint bench setup clean

all: build

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

build: ## leaves a static binary in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/outcrop

install: ## copies the binary to $(PREFIX)/bin; as root it builds nothing that is there already
	@test -x $(BIN) || $(MAKE) build
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/outcrop

dist: ## a release in dist/: binaries, archives, container image, Debian packages, Helm chart, notes, checksums
	$(GO) -C tools/dist build -o ../../bin/dist .
	./bin/dist -out $(OUT) -version "$(VERSION)" $(DIST)

image: ## the same for this machine's processor only; docker load -i dist/outcrop-*.tar takes the image
	@$(MAKE) --no-print-directory dist DIST="-platforms linux/$$($(GO) env GOARCH) $(DIST)"

run: build ## serves with a first answer, on the emulator without AWS credentials
	./$(BIN) serve --demo --port $(PORT)

setup: ## Python, Node, Java and their packages, for the tests with official SDKs
	./scripts/setup-tests

test: ## every test there is; a missing tool is a failure, not a skip
	@echo "make test: all tests, the official SDKs and LiteLLM's proxy among them. On 2 cores it takes about half an hour."
	@echo "The first run also downloads about 1 GB (Python, Node, Java and the SDKs); make test-go does without them."
	@$(MAKE) --no-print-directory -j3 build setup compile
	GO=$(GO) OUTCROP_TEST_ALL=1 ./scripts/cover $(RACE) -p $(AT_ONCE) -parallel 4 -timeout 80m

# What the tests are made of is compiled while setup waits for the network.
compile:
	@$(GO) build $(RACE) ./...

test-go: ## the tests that need nothing but Go; the others skip and are named at the end
	GO=$(GO) $(GO) run ./scripts/gotest $(RACE) ./...

cover: ## how much of each package its own tests reach; llm and wire/* have a floor
	GO=$(GO) ./scripts/cover

lint: ## formatting, vet, staticcheck and golangci-lint
	./scripts/lint

bench: build ## Outcrop beside a do-nothing reverse proxy, nginx and LiteLLM; prints ratios
	$(GO) run ./bench

clean: ## removes what was built and downloaded
	rm -rf bin dist .cache
