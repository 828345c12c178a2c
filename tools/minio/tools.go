//go:build tools

// Package tools pins MinIO's own server, which the storage contract is tried against where somebody built it.
package tools

import _ "github.com/minio/minio"
