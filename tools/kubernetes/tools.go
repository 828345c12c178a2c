//go:build tools

// Package tools pins the control plane of the test cluster: etcd, kube-apiserver and kube-controller-manager.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
)
