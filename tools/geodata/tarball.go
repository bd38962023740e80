package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// maxMember bounds what is unpacked of one file in a tarball.
const maxMember = 64 << 20

// tarball is one package as npm packs it.
type tarball struct {
	name   string
	packed []byte
}

// read returns the content of the file called name, which lies under
// "package/" as npm packs it.
func (t *tarball) read(name string) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(t.packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", t.name, err)
	}
	members := tar.NewReader(unzipped)
	for {
		header, err := members.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("package %s has no file %s", t.name, name)
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", t.name, err)
		}
		if header.Name != "package/"+name || header.Typeflag != tar.TypeReg {
			continue
		}
		if header.Size > maxMember {
			return nil, fmt.Errorf("file %s of package %s is larger than %d bytes", name, t.name, maxMember)
		}
		content, err := io.ReadAll(members)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s of %s: %w", name, t.name, err)
		}
		return content, nil
	}
}
