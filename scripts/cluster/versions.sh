# shellcheck shell=bash disable=SC2034
# Everything that scripts/cluster builds, pinned. Sourced by env.sh; the sums are those of go.sum.
KUBERNETES_VERSION=v1.37.2
KUBERNETES_SUM=h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=
KUBE_ROUTER_VERSION=v2.1.0
KUBE_ROUTER_SUM=h1:xWsptKtmZ44L+NjwFKoFAFlVdxCz8fka9A/eYJe95Ok=
KUEUE_VERSION=v0.17.0
KUEUE_SUM=h1:7hzb38M4eKGzYW+CFv2s1L+swzzacUCHOCXxZmAV90I=
