/** Corefiles in the shapes that distributions have, for tests. */
export const COREFILES: Readonly<Record<string, string>> = {
  kubeadm: `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`,
  kind: `.:53 {
    errors
    health { # how long to wait
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
    }
    forward . /etc/resolv.conf
    cache 30
}`,
  k3s: `.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts /etc/coredns/NodeHosts {
      ttl 60
      reload 15s
      fallthrough
    }
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import /etc/coredns/custom/*.override
    forward . /etc/resolv.conf
}
import /etc/coredns/custom/*.server
`,
  stubs: `# Company names first.
corp.example:53, lab.example:53 {
    errors
    cache 30
    forward . 192.0.2.53 192.0.2.54
}

(common) {
    errors
    log . "{remote} - {type} {name}" {
        class denial error
    }
}

.:53 {
    import common
    kubernetes cluster.local {
        pods verified
    }
    rewrite name regex (.*)\\.old\\.example {1}.new.example
    template IN A "odd } zone" {
        match "^(?P<a>[0-9]+)[.]x[.]$"
        answer "{{ .Name }} 60 IN A 10.0.0.{{ .Group.a }}"
    }
    forward . {$UPSTREAM}
}
tls://.:853 {
    tls /cert.pem /key.pem
    forward . 127.0.0.1
}
`,
  'other port': `.:5353 {
    bind 10.0.0.10 10.0.0.11
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa
    forward . /etc/resolv.conf
}
`,
};
