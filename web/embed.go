// Package web owns the built interface: the files under dist, made by
// `npm run build`, as one read-only file system. It must not know how they are
// served (headers, the nonce in index.html): that is the server's part.
package web

import (
	"embed"
	"io/fs"
)

// dist always holds .keep, so a tree without a built interface still compiles.
//
//go:embed all:dist
var files embed.FS

// Dist returns the built interface, index.html at its root. Before the first
// `npm run build` it holds only .keep.
func Dist() fs.FS {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		// fs.Sub fails only for a name that is not a valid path.
		panic(err)
	}
	return dist
}
