/** Alerts and recorded rates of Prometheus. Every name is one of docs/metrics.md; `rules.test.yaml` beside the tests says when each fires. */

export interface Alert {
  alert: string;
  expr: string;
  for: string;
  severity: 'warning' | 'critical';
  summary: string;
  /** What to look at. */
  description: string;
}

export interface Recording {
  record: string;
  expr: string;
}

const DAY = 24 * 60 * 60;
/** What tells routers apart, with and without Kubernetes. */
const WHERE = 'namespace, pod, instance';

export const RECORDINGS: readonly Recording[] = [
  {
    record: 'skuprt:service_flows_opened:rate5m',
    expr: 'sum by (side, address) (rate(skuprt_router_service_flows_opened_total[5m]))',
  },
  {
    record: 'skuprt:service_flows_refused:rate5m',
    expr: 'sum by (side, address) (rate(skuprt_router_service_flows_refused_total[5m]))',
  },
  {
    record: 'skuprt:connect_duration_seconds:p99_5m',
    expr: 'histogram_quantile(0.99, sum by (le) (rate(skuprt_router_connect_duration_seconds_bucket[5m])))',
  },
];

export const ALERTS: readonly Alert[] = [
  {
    alert: 'SkuprtLinkDown',
    expr: `max by (${WHERE}, link) (skuprt_router_link_up) == 0`,
    for: '1m',
    severity: 'warning',
    summary: 'Link {{ $labels.link }} is down',
    description:
      'The router at {{ $labels.instance }} does not reach the other end of a link for a minute. See the status of the Link, and `skuprt link status`.',
  },
  {
    alert: 'SkuprtSiteCutOff',
    expr: `max by (${WHERE}) (skuprt_router_link_up) == 0`,
    for: '2m',
    severity: 'critical',
    summary: 'The router at {{ $labels.instance }} has no link',
    description: 'None of its links is up: its services are not reached from other sites, and reach none there.',
  },
  {
    alert: 'SkuprtCertificateExpires',
    expr: `min by (${WHERE}, profile, certificate) (skuprt_router_certificate_expiry_timestamp_seconds) - time() < ${7 * DAY}`,
    for: '10m',
    severity: 'warning',
    summary: 'The certificate of {{ $labels.profile }} expires in {{ $value | humanizeDuration }}',
    description:
      'It should have been renewed long before. See the conditions of the Certificate or Link, and the log of the site-controller.',
  },
  {
    alert: 'SkuprtCertificateExpiresSoon',
    expr: `min by (${WHERE}, profile, certificate) (skuprt_router_certificate_expiry_timestamp_seconds) - time() < ${DAY}`,
    for: '1m',
    severity: 'critical',
    summary: 'The certificate of {{ $labels.profile }} expires in {{ $value | humanizeDuration }}',
    description: 'Links that use it end then. Renew it by hand, or issue a new token at the other site.',
  },
  {
    alert: 'SkuprtFlowsRefused',
    expr: `sum by (namespace, address) (rate(skuprt_router_service_flows_refused_total{side="listener"}[5m])) > 0.05 * sum by (namespace, address) (rate(skuprt_router_service_flows_opened_total{side="listener"}[5m]))`,
    for: '5m',
    severity: 'warning',
    summary: 'Connections to {{ $labels.address }} are refused',
    description:
      'More than one in twenty finds no backend. See the Connectors of the routing key, their backends and policies.',
  },
  {
    alert: 'SkuprtPolicyRefuses',
    expr: 'sum by (namespace, policy) (rate(skuprt_router_policy_decisions_total{result="refused"}[5m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: '{{ $labels.policy }} refuses connections all the time',
    description:
      'A client that may not connect keeps trying, or one that should may not. See the log of the router, and `skuprt policy explain`.',
  },
  {
    alert: 'SkuprtServiceUnreachable',
    expr: `max by (namespace, address) (skuprt_router_service_fit{side="listener"}) == 0`,
    for: '5m',
    severity: 'warning',
    summary: 'No site offers {{ $labels.address }}',
    description:
      'A listener waits for a connector that it reaches. See the Connectors of the routing key at other sites, and the links.',
  },
  {
    alert: 'SkuprtBackendsUnfit',
    expr: `sum by (namespace, address) (skuprt_router_service_entities{side="connector"} - skuprt_router_service_fit{side="connector"}) > 0`,
    for: '10m',
    severity: 'warning',
    summary: '{{ $value }} backends of {{ $labels.address }} are not fit',
    description: 'They refuse, do not answer, or fail their health checks, and are passed over while there are others.',
  },
  {
    alert: 'SkuprtRouterFull',
    expr: `max by (${WHERE}) (skuprt_router_flows_open / skuprt_router_flows_max) > 0.9`,
    for: '5m',
    severity: 'warning',
    summary: 'The router at {{ $labels.instance }} has nearly all the connections that it may have',
    description: 'More are refused soon. Give it more memory or file descriptors, or a second router.',
  },
  {
    alert: 'SkuprtRouterBusy',
    expr: `max by (${WHERE}) (skuprt_router_event_loop_delay_seconds{quantile="0.99"}) > 0.25`,
    for: '10m',
    severity: 'warning',
    summary: 'The router at {{ $labels.instance }} is late',
    description:
      'One turn in a hundred begins a quarter of a second late: it lacks CPU. See its limits and what else runs on the node.',
  },
  {
    alert: 'SkuprtWatchStale',
    // Below 0: nothing was ever heard, as without the rights to it.
    expr: `max by (${WHERE}, kind) (skuprt_controller_watch_last_event_age_seconds) > 90 or max by (${WHERE}, kind) (skuprt_controller_watch_last_event_age_seconds) < 0`,
    for: '2m',
    severity: 'warning',
    summary:
      'A controller has not heard of {{ $labels.kind }} {{ if lt $value 0.0 }}since its start{{ else }}for {{ $value | humanizeDuration }}{{ end }}',
    description:
      'The API server tells something at least once a minute. Until it does, changes have no effect. See the log of the process at {{ $labels.instance }}.',
  },
  {
    alert: 'SkuprtControllerWithoutLeader',
    expr: 'max by (namespace, process) (skuprt_controller_leader * on (instance) group_left (process) skuprt_controller_info{process=~".*-controller"}) == 0',
    for: '2m',
    severity: 'critical',
    summary: 'No replica of the {{ $labels.process }} leads',
    description: 'Nothing that is changed has effect. See the Lease and the logs of its pods.',
  },
  {
    alert: 'SkuprtReconcileFails',
    expr: `sum by (${WHERE}) (increase(skuprt_controller_reconcile_total{result="error"}[10m])) > 3`,
    for: '10m',
    severity: 'warning',
    summary: 'The controller at {{ $labels.instance }} cannot do its work',
    description: 'Looks at a namespace or service fail again and again. Its log says why.',
  },
  {
    alert: 'SkuprtAdaptorNotReady',
    expr: `max by (${WHERE}) (skuprt_adaptor_ready) == 0 or max by (${WHERE}) (skuprt_adaptor_refused_entities) > 0`,
    for: '5m',
    severity: 'warning',
    summary: 'The router of {{ $labels.pod }} does not have its configuration',
    description:
      'Its adaptor does not reach it, or it refuses entities. See the log of the kube-adaptor and the conditions of the Site.',
  },
  {
    alert: 'SkuprtClusterNameTaken',
    expr: `max by (${WHERE}) (skuprt_services_refused_claims) > 0`,
    for: '5m',
    severity: 'warning',
    summary: 'Two sites say that they are the same cluster',
    description: 'The one that was there first is believed. Give the other another name in its ClusterProperty.',
  },
];

/** As a rules file of Prometheus. */
export function ruleGroups() {
  return {
    groups: [
      { name: 'skuprt-rates', rules: RECORDINGS.map((rule) => ({ ...rule })) },
      {
        name: 'skuprt-alerts',
        rules: ALERTS.map(({ severity, summary, description, ...rule }) => ({
          ...rule,
          labels: { severity },
          annotations: { summary, description },
        })),
      },
    ],
  };
}
