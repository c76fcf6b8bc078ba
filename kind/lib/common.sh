# What the scripts of this folder share: arguments, kubectl and skuprt against one context, steps that are told and timed.
set -euo pipefail
kind_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(dirname "$kind_dir")

contexts=()
kubeconfig=${KUBECONFIG:-}
with_lab=false
with_dns_endpoints=false
image=localhost/skuprt:dev

fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# Reads --contexts a,b --kubeconfig FILE --lab --image NAME:TAG --dns-endpoints; at least $1 contexts are needed.
read_arguments() {
  local least=$1
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --contexts) IFS=, read -r -a contexts <<<"${2:?--contexts needs a,b}"; shift ;;
      --kubeconfig) kubeconfig=${2:?--kubeconfig needs a file}; shift ;;
      --image) image=${2:?--image needs NAME:TAG}; shift ;;
      --lab) with_lab=true ;;
      --dns-endpoints) with_dns_endpoints=true ;;
      -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
      *) fail "unknown argument $1; see --help" ;;
    esac
    shift
  done
  [ ${#contexts[@]} -ge "$least" ] || fail "give at least $least contexts, such as --contexts a,b"
  [ -z "$kubeconfig" ] || export KUBECONFIG=$kubeconfig
}

# kubectl comes with the lab, or from the path.
find_kubectl() {
  if command -v kubectl >/dev/null; then echo kubectl
  elif [ -x "${KUBEBUILDER_ASSETS:-}/kubectl" ]; then echo "$KUBEBUILDER_ASSETS/kubectl"
  elif [ -x "${LAB:-}" ]; then echo "$("$LAB" assets)/kubectl"
  else fail 'kubectl is not installed'
  fi
}
kubectl_program=$(find_kubectl)

# in CONTEXT kubectl-arguments...
in_cluster() {
  local context=$1
  shift
  "$kubectl_program" --context "$context" "$@"
}

# skuprt_in CONTEXT skuprt-arguments...
skuprt_in() {
  local context=$1
  shift
  "$root/skuprt" --platform kubernetes --context "$context" "$@"
}

# step TEXT COMMAND...: one line a step with its time, its output only when it fails. The command runs in a shell of its own, which
# ends with its first failure: so a step must not stand in a condition.
step() {
  local text=$1 started=$EPOCHREALTIME log status=0
  shift
  log=$(mktemp)
  printf '%s ...' "$text"
  set +e
  (set -e; "$@") >"$log" 2>&1
  status=$?
  set -e
  if [ "$status" = 0 ]; then
    printf ' %s s\n' "$(seconds_since "$started")"
  else
    printf ' failed\n'
    cat "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

# To a tenth.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d' "$((tenths / 10))" "$((tenths % 10))"
}

# until_true SECONDS COMMAND...
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { "$@"; return 1; }
    sleep 0.2
  done
}
