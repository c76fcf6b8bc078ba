# What the demos share: a namespace in each of the first two clusters, mostly with a site, linked; a pod to ask from; and the end of it
# all, also when a demo fails or is interrupted. Servers and clients run in the image of skuprt itself, so nothing else is pulled.
# A demo that changes more than its namespace gives a function that sets it back to "undo", once there is something to set back.
demo=
undo=
demo_image=$image

begin_demo() {
  name_demo "$1"
  local context
  for context in "${contexts[@]:0:2}"; do step "site in $context" new_site "$context"; done
  step 'link' link
}

# begin_set_demo NAME: the namespace only; the site that kind/install made carries the services of the cluster set.
begin_set_demo() {
  name_demo "$1"
  local context
  for context in "${contexts[@]:0:2}"; do step "namespace $demo in $context" new_namespace "$context"; done
}

name_demo() {
  demo=skuprt-demo-$1
  trap end_quietly EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

new_namespace() {
  in_cluster "$1" delete namespace "$demo" --ignore-not-found --timeout 60s
  in_cluster "$1" create namespace "$demo"
}

new_site() {
  new_namespace "$1"
  skuprt_in "$1" -n "$demo" site create "$1" --enable-link-access --wait ready --timeout 2m
}

link() {
  tokens=$(mktemp -d)
  trap 'rm -rf "$tokens"' EXIT
  skuprt_in "${contexts[0]}" -n "$demo" token create "$tokens/token"
  skuprt_in "${contexts[1]}" -n "$demo" link create "$tokens/token" --timeout 1m
}

# web_server CONTEXT TEXT: a Deployment `backend` of one pod that answers with TEXT, exposed to the network.
web_server() {
  in_cluster "$1" -n "$demo" create deployment backend --image "$demo_image" -- node -e \
    "process.on('SIGTERM', () => process.exit()); require('node:http').createServer((_, answer) => answer.end('$2\n')).listen(8080)"
  in_cluster "$1" -n "$demo" rollout status deployment/backend --timeout 60s
}

# client CONTEXT [COMMAND...]: a pod to ask from.
client() {
  local context=$1
  shift
  [ $# -gt 0 ] || set -- node -e 'setTimeout(() => {}, 86_400_000)'
  in_cluster "$context" -n "$demo" run client --image "$demo_image" --restart Never \
    --overrides '{"spec":{"terminationGracePeriodSeconds":0}}' --command -- "$@"
  in_cluster "$context" -n "$demo" wait --for condition=Ready pod/client --timeout 60s
}

# ask CONTEXT URL: what the client's pod gets.
ask() {
  in_cluster "$1" -n "$demo" exec client -- node -e \
    'fetch(process.argv[1], { signal: AbortSignal.timeout(3000) }).then(async (answer) => process.stdout.write(await answer.text()))' "$2"
}

# in_both COMMAND...: with each of the two contexts as its last argument, both at once. As a step, or in one.
in_both() {
  local context pid pids=()
  for context in "${contexts[@]:0:2}"; do
    "$@" "$context" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
}

remove_namespace() { in_cluster "$1" delete namespace "$demo" --ignore-not-found --wait --timeout 90s; }

set_back() {
  local removing
  in_both remove_namespace &
  removing=$!
  [ -z "$undo" ] || "$undo"
  wait "$removing"
}

end_demo() {
  step "removing namespace $demo of both${undo:+, and all else as it was before}" set_back
  demo=
  printf 'demo ok: %s\n' "$1"
}

end_quietly() {
  local context
  [ -n "$demo" ] || return 0
  for context in "${contexts[@]:0:2}"; do
    in_cluster "$context" delete namespace "$demo" --ignore-not-found --wait=false >/dev/null 2>&1 || true
  done
  [ -z "$undo" ] || "$undo" >/dev/null 2>&1 || true
}
