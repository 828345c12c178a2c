//go:build tools

// Package tools pins helm, with which the charts are rendered in tests and installed in the test cluster.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
