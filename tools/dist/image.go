package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	nonroot   = 65532 // the user that images without a shell usually run as
	reference = "org.opencontainers.image.ref.name"
	dataDir   = "/data"
	port      = "4000/tcp"
)

// image writes the image for all platforms of Linux as one OCI image layout, and for each platform an archive that docker load and
// podman load read. The image has the binary, the certificates of public authorities, licences, and two folders to write to, which
// belong to its user: volumes that are new get their owner from them.
func (r *release) image(context.Context) error {
	var index v1.ImageIndex = empty.Index
	found := false
	for _, p := range r.platforms {
		if p.os != "linux" {
			continue
		}
		found = true
		img, err := r.imageOf(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.os, Architecture: p.arch}}})
		tag, err := name.NewTag("outcrop:" + r.version)
		if err != nil {
			return err
		}
		if err := tarball.WriteToFile(r.path(fmt.Sprintf("%s-image-%s-%s.tar", r.name(), p.os, p.arch)), tag, img); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if !found {
		return nil
	}
	annotated, ok := mutate.Annotations(index, r.labels()).(v1.ImageIndex)
	if !ok {
		return fmt.Errorf("an index with annotations is a %T", annotated)
	}
	path, err := layout.Write(r.path(r.name()+"-image"), empty.Index)
	if err != nil {
		return err
	}
	return path.AppendIndex(annotated, layout.WithAnnotations(map[string]string{reference: r.version}))
}

// labels describe the image, in the words of the OCI's specification.
func (r *release) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "Outcrop",
		"org.opencontainers.image.description": "An LLM gateway for AWS Bedrock and other providers",
		"org.opencontainers.image.version":     r.version,
		"org.opencontainers.image.revision":    r.revision,
		"org.opencontainers.image.created":     r.time.Format(time.RFC3339),
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
}

// imageOf is the image of one platform. What changes rarely is the first layer.
func (r *release) imageOf(p platform) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	at := v1.Time{Time: r.time}
	for _, l := range []struct {
		what    string
		entries []entry
	}{
		{"certificates of public authorities, and folders to write to", []entry{
			{name: "etc/", mode: 0o755},
			{name: "etc/ssl/", mode: 0o755},
			{name: "etc/ssl/certs/", mode: 0o755},
			{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: authorities()},
			{name: "data/", mode: 0o700, owner: nonroot},
			{name: "tmp/", mode: 0o1777},
		}},
		{"outcrop " + r.version, []entry{
			{name: "outcrop", mode: 0o755, file: r.binaries[p]},
			{name: "licenses/", mode: 0o755},
			{name: "licenses/LICENSE", mode: 0o644, file: filepath.Join(r.root, "LICENSE")},
			{name: "licenses/modules.txt", mode: 0o644, file: r.path(licencesFile)},
		}},
	} {
		// Compressed once: the library would do it again each time that it reads the layer.
		var content bytes.Buffer
		z := gzip.NewWriter(&content)
		if err := errors.Join(writeTar(z, l.entries, r.time), z.Close()); err != nil {
			return nil, err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil },
			tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{Created: at, CreatedBy: "make dist", Comment: l.what}}); err != nil {
			return nil, err
		}
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, cfg.Created, cfg.Author = p.os, p.arch, at, "The Outcrop maintainers"
	cfg.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", nonroot, nonroot),
		Entrypoint:   []string{"/outcrop"},
		Cmd:          []string{"serve", "--host", "0.0.0.0"},
		Env:          []string{"OUTCROP_DATA_DIR=" + dataDir},
		WorkingDir:   "/",
		ExposedPorts: map[string]struct{}{port: {}},
		StopSignal:   "SIGTERM",
		Labels:       r.labels(),
	}
	return mutate.ConfigFile(img, cfg)
}

// authorities are the certificates of Mozilla's programme, at the version of go.mod. Those that Mozilla trusts only for certificates
// of before some date are left out, because a file of certificates cannot say so.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}
