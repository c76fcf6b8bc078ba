# What the demos share: a namespace with a site in each cluster, linked; a pod to ask from; and the end of it all.
demo_image=${IMAGE:-busybox:1.36}
demo=

begin_demo() {
  local context token
  demo=skuprt-demo-$1
  trap end_quietly EXIT
  token=$(mktemp -u)
  for context in "${contexts[@]:0:2}"; do
    step "site in $context" new_site "$context"
  done
  step 'link' link "$token"
  rm -f "$token"
}

new_site() {
  in_cluster "$1" create namespace "$demo"
  skuprt_in "$1" -n "$demo" site create "$1" --enable-link-access --wait ready --timeout 2m
}

link() {
  skuprt_in "${contexts[0]}" -n "$demo" token create "$1"
  skuprt_in "${contexts[1]}" -n "$demo" link create "$1" --timeout 1m
}

client() {
  in_cluster "$1" -n "$demo" run client --image "$demo_image" --restart Never --command -- sleep 3600
  in_cluster "$1" -n "$demo" wait --for condition=Ready pod/client --timeout 60s
}

ask() {
  in_cluster "$1" -n "$demo" exec client -- wget -q -O - -T 3 "$2"
}

end_demo() {
  local context
  for context in "${contexts[@]:0:2}"; do step "removing namespace $demo of $context" in_cluster "$context" delete namespace "$demo" --wait --timeout 90s; done
  demo=
  printf 'demo ok: %s\n' "$1"
}

end_quietly() {
  local context
  [ -z "$demo" ] && return
  for context in "${contexts[@]:0:2}"; do in_cluster "$context" delete namespace "$demo" --ignore-not-found --wait=false >/dev/null 2>&1 || true; done
}
