/**
 * What the dashboards show: the network, a site, a link, a service, the controllers. Series are told apart by `instance`, which every
 * scrape has, and routers are named by their id.
 */
import type { Dashboard, Panel, Query, Variable } from './dashboard.ts';

const RATE = '$__rate_interval';
const ROUTER: Variable = { name: 'router', label: 'Router', metric: 'skuprt_router_info', of: 'router' };
const LINK: Variable = { name: 'link', label: 'Link', metric: 'skuprt_router_link_up', of: 'link' };
const ADDRESS: Variable = {
  name: 'address',
  label: 'Routing key',
  metric: 'skuprt_router_service_entities',
  of: 'address',
};
const PROCESS: Variable = { name: 'process', label: 'Process', metric: 'skuprt_controller_info', of: 'process' };

/** Of the routers that are chosen, with their ids. */
function ofRouter(expr: string): string {
  return `(${expr}) * on (instance) group_left (router) skuprt_router_info{router=~"$router"}`;
}

/** Of the processes that are chosen, with their names. */
function ofProcess(expr: string): string {
  return `(${expr}) * on (instance) group_left (process) skuprt_controller_info{process=~"$process"}`;
}

function query(expr: string, legend: string): Query {
  return { expr, legend };
}

function quantiles(name: string, by: string, ofThem: (expr: string) => string = (expr) => expr): Query[] {
  return [0.5, 0.99].map((quantile) => {
    const labels = by === '' ? 'le' : `le, ${by}`;
    const expr = `histogram_quantile(${quantile}, sum by (${labels}) (rate(${name}_bucket[${RATE}])))`;
    return query(ofThem(expr), `p${quantile * 100}${by === '' ? '' : ` {{${by}}}`}`);
  });
}

const CERTIFICATE_DAYS =
  '(min by (instance, profile, certificate) (skuprt_router_certificate_expiry_timestamp_seconds) - time()) / 86400';

const CONNECT: Panel = {
  title: 'Time to connect',
  description:
    'From when a client was accepted until its backend was there, at the routers of clients. Points lead to traces.',
  queries: quantiles('skuprt_router_connect_duration_seconds', ''),
  unit: 's',
};

const NETWORK: Dashboard = {
  uid: 'network',
  title: 'Network',
  description: 'All routers that are scraped, as one network.',
  variables: [],
  panels: [
    {
      title: 'Routers',
      description: 'That are scraped.',
      queries: [query('count(skuprt_router_info)', '')],
      unit: 'short',
      type: 'stat',
    },
    {
      title: 'Links down',
      description: '0 is normal.',
      queries: [query('count(max by (instance, link) (skuprt_router_link_up) == 0) or vector(0)', '')],
      unit: 'short',
      type: 'stat',
      thresholds: [1, 2],
    },
    {
      title: 'Connections open',
      description: 'Of clients, at their routers.',
      queries: [query('sum(skuprt_router_service_flows_open{side="listener"})', '')],
      unit: 'short',
      type: 'stat',
    },
    {
      title: 'First certificate to expire',
      description: 'Days; below 7 something does not renew.',
      queries: [query(`min(${CERTIFICATE_DAYS})`, '')],
      unit: 'd',
      type: 'stat',
      thresholds: [7, 1],
    },
    {
      title: 'Connections opened',
      description: 'By service, at the routers of clients.',
      queries: [
        query(
          `sum by (address) (rate(skuprt_router_service_flows_opened_total{side="listener"}[${RATE}]))`,
          '{{address}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Connections refused and reset',
      description: 'By service. A few resets are normal where clients or servers end connections so.',
      queries: [
        query(
          `sum by (address) (rate(skuprt_router_service_flows_refused_total{side="listener"}[${RATE}]))`,
          '{{address}} refused',
        ),
        query(
          `sum by (address) (rate(skuprt_router_service_flows_reset_total{side="listener"}[${RATE}]))`,
          '{{address}} reset',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Traffic of services',
      description: 'Read from clients, and written to them.',
      queries: [
        query(
          `sum by (address, direction) (rate(skuprt_router_service_octets_total{side="listener"}[${RATE}]))`,
          '{{address}} {{direction}}',
        ),
      ],
      unit: 'Bps',
    },
    CONNECT,
    {
      title: 'Links',
      description: 'Each with its router and its peer: 1 is up.',
      queries: [
        query(
          'skuprt_router_link_up * on (instance) group_left (router) skuprt_router_info',
          '{{router}} {{link}} {{peer}}',
        ),
      ],
      unit: 'short',
    },
    {
      title: 'Other routers known',
      description: 'The same number at all of them; where it is less, the network is apart.',
      queries: [query('qdr_routers_total * on (instance) group_left (router) skuprt_router_info', '{{router}}')],
      unit: 'short',
    },
  ],
};

const SITE: Dashboard = {
  uid: 'site',
  title: 'Site',
  description: 'The routers of one site, or some.',
  variables: [ROUTER],
  panels: [
    {
      title: 'Connections',
      description: 'Open now; beyond the limit they are refused.',
      queries: [
        query(ofRouter('skuprt_router_flows_open'), '{{router}} open'),
        query(ofRouter('skuprt_router_flows_max'), '{{router}} limit'),
      ],
      unit: 'short',
    },
    {
      title: 'Connections per second',
      description: 'Opened, and how they ended if not in order.',
      queries: (['opened', 'refused', 'reset'] as const).map((what) =>
        query(ofRouter(`rate(skuprt_router_flows_${what}_total[${RATE}])`), `{{router}} ${what}`),
      ),
      unit: 'cps',
    },
    {
      title: 'Refused by a limit',
      description: 'Of the router, of a listener or connector, or of the system. 0 is normal.',
      queries: [
        query(
          ofRouter(`sum by (instance, limit) (rate(skuprt_router_connections_limited_total[${RATE}]))`),
          '{{router}} {{limit}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Traffic',
      description: 'Of sockets of clients and workloads.',
      queries: [query(ofRouter(`rate(skuprt_router_flow_octets_total[${RATE}])`), '{{router}} {{direction}}')],
      unit: 'Bps',
    },
    {
      title: 'Memory',
      description: 'Resident, and what is held for connections, with its limit.',
      queries: [
        query(ofRouter('qdr_router_rss_bytes'), '{{router}} resident'),
        query(ofRouter('skuprt_router_flow_memory_bytes'), '{{router}} connections'),
        query(ofRouter('skuprt_router_flow_memory_limit_bytes'), '{{router}} limit'),
      ],
      unit: 'bytes',
    },
    {
      title: 'CPU',
      description: 'Seconds per second; a router uses one core, and a little of a second for TLS.',
      queries: [query(ofRouter(`rate(skuprt_router_cpu_seconds_total[${RATE}])`), '{{router}}')],
      unit: 'short',
    },
    {
      title: 'Delay of the event loop',
      description: 'How late turns begin: below 0.05 s is normal under load.',
      queries: [query(ofRouter('skuprt_router_event_loop_delay_seconds{quantile!="0.5"}'), '{{router}} {{quantile}}')],
      unit: 's',
    },
    {
      title: 'Connections without a way',
      description: 'That lost theirs, and look for another: they go on, or are reset after a while.',
      queries: [
        query(ofRouter('skuprt_router_flows_paused'), '{{router}} now'),
        query(ofRouter(`rate(skuprt_router_flow_ways_found_total[${RATE}])`), '{{router}} found per second'),
        query(ofRouter(`rate(skuprt_router_flows_given_up_total[${RATE}])`), '{{router}} given up per second'),
      ],
      unit: 'short',
    },
  ],
};

const LINK_BOARD: Dashboard = {
  uid: 'link',
  title: 'Link',
  description: 'Links between routers, and what secures them.',
  variables: [ROUTER, LINK],
  panels: [
    {
      title: 'Up',
      description: 'While a connector has no connection, its peer is empty.',
      queries: [query(ofRouter('skuprt_router_link_up{link=~"$link"}'), '{{router}} {{link}} {{peer}}')],
      unit: 'short',
    },
    {
      title: 'Traffic',
      description: 'Frames of AMQP, all connections of the link together.',
      queries: [
        query(
          ofRouter(`rate(skuprt_router_link_octets_total{link=~"$link"}[${RATE}])`),
          '{{router}} {{link}} {{direction}}',
        ),
      ],
      unit: 'Bps',
    },
    {
      title: 'Cost',
      description: 'Traffic takes the cheapest way.',
      queries: [query(ofRouter('skuprt_router_link_cost{link=~"$link"}'), '{{router}} {{link}}')],
      unit: 'short',
    },
    {
      title: 'Certificates',
      description: 'Days until they expire, of each TLS profile.',
      queries: [query(ofRouter(CERTIFICATE_DAYS), '{{router}} {{profile}} {{certificate}}')],
      unit: 'd',
    },
    {
      title: 'Faults of peers',
      description:
        'Connections closed for them, rules broken without that, and TLS handshakes that failed. 0 is normal.',
      queries: [
        query(
          ofRouter(`sum by (instance, condition) (rate(skuprt_router_protocol_errors_total[${RATE}]))`),
          '{{router}} {{condition}}',
        ),
        query(
          ofRouter(`sum by (instance, fault) (rate(skuprt_router_peer_faults_total[${RATE}]))`),
          '{{router}} {{fault}}',
        ),
        query(ofRouter(`rate(skuprt_router_tls_handshakes_failed_total[${RATE}])`), '{{router}} TLS'),
      ],
      unit: 'cps',
    },
    {
      title: 'Last change of paths',
      description: 'Seconds ago: small again and again means that a link comes and goes.',
      queries: [query(ofRouter('time() - qdr_last_topology_change_timestamp'), '{{router}}')],
      unit: 's',
    },
  ],
};

const OF_SERVICE = 'address=~"$address"';

const SERVICE: Dashboard = {
  uid: 'service',
  title: 'Service',
  description: 'Services by routing key: `listener` is the side of clients, `connector` that of backends.',
  variables: [ADDRESS],
  panels: [
    {
      title: 'Connections open',
      description: 'At both sides.',
      queries: [
        query(`sum by (address, side) (skuprt_router_service_flows_open{${OF_SERVICE}})`, '{{address}} {{side}}'),
      ],
      unit: 'short',
    },
    {
      title: 'Connections per second',
      description: 'Opened at both sides; more at the side of connectors are tries of another backend.',
      queries: [
        query(
          `sum by (address, side) (rate(skuprt_router_service_flows_opened_total{${OF_SERVICE}}[${RATE}]))`,
          '{{address}} {{side}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Refused',
      description: 'Clients without a backend, and backends that refused.',
      queries: [
        query(
          `sum by (address, side) (rate(skuprt_router_service_flows_refused_total{${OF_SERVICE}}[${RATE}]))`,
          '{{address}} {{side}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Reset',
      description: 'Ended by a reset or a lost link.',
      queries: [
        query(
          `sum by (address, side) (rate(skuprt_router_service_flows_reset_total{${OF_SERVICE}}[${RATE}]))`,
          '{{address}} {{side}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Traffic',
      description: 'Read from clients, or backends (`in`), and written to them (`out`).',
      queries: [
        query(
          `sum by (address, side, direction) (rate(skuprt_router_service_octets_total{${OF_SERVICE}}[${RATE}]))`,
          '{{address}} {{side}} {{direction}}',
        ),
      ],
      unit: 'Bps',
    },
    {
      title: 'Listeners and connectors',
      description: 'There are, and are fit: listeners that listen, connectors whose backends are well.',
      queries: [
        query(`sum by (address, side) (skuprt_router_service_entities{${OF_SERVICE}})`, '{{address}} {{side}}'),
        query(`sum by (address, side) (skuprt_router_service_fit{${OF_SERVICE}})`, '{{address}} {{side}} fit'),
      ],
      unit: 'short',
    },
    { ...CONNECT, title: 'Time to connect, all services' },
    {
      title: 'Refused by policies',
      description: 'Of all services: at the side of clients, or told so by the side of backends; dry runs only count.',
      queries: [
        query(`sum by (policy, result) (rate(skuprt_router_policy_decisions_total[${RATE}]))`, '{{policy}} {{result}}'),
        query(
          `sum by (result) (rate(skuprt_router_policy_results_total{result!~"refused|limited|would_refuse"}[${RATE}]))`,
          '{{result}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Limits of policies',
      description: 'Connections that are within limits, and that wait for a place.',
      queries: [
        query('sum(skuprt_router_policy_connections_limited)', 'within'),
        query('sum(skuprt_router_policy_connections_waiting)', 'waiting'),
      ],
      unit: 'short',
    },
    {
      title: 'Backends that do not answer',
      description: 'Dials given up, since there was another way or no time left, and connectors passed over.',
      queries: [
        query(
          `sum by (alternative) (rate(skuprt_router_dials_unanswered_total[${RATE}]))`,
          'given up, another way: {{alternative}}',
        ),
        query('sum(skuprt_router_connectors_passed_over)', 'passed over'),
        query('sum(skuprt_router_connections_queued)', 'clients that wait'),
      ],
      unit: 'short',
    },
  ],
};

const CONTROLLERS: Dashboard = {
  uid: 'controllers',
  title: 'Controllers',
  description: 'The site-controller, the service-controller, adaptors and the DNS server.',
  variables: [PROCESS],
  panels: [
    {
      title: 'Leader',
      description: '1 for one replica of each controller.',
      queries: [query(ofProcess('skuprt_controller_leader'), '{{process}} {{instance}}')],
      unit: 'short',
    },
    {
      title: 'Looks',
      description: 'At namespaces or services; at rest there are few, and no errors.',
      queries: [
        query(
          ofProcess(`sum by (instance, result) (rate(skuprt_controller_reconcile_total[${RATE}]))`),
          '{{process}} {{result}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Time of a look',
      description: 'Its writes included. Points lead to traces.',
      queries: quantiles('skuprt_controller_reconcile_duration_seconds', 'instance', ofProcess),
      unit: 's',
    },
    {
      title: 'Waiting',
      description: 'Keys in the queue, and how long a change waits for its look.',
      queries: [
        query(ofProcess('skuprt_controller_queue_depth'), '{{process}} keys'),
        ...quantiles('skuprt_controller_queue_wait_seconds', 'instance', ofProcess),
      ],
      unit: 'short',
    },
    {
      title: 'Watches',
      description: 'Seconds since the API server last said anything about a kind: above 90 one is stale.',
      queries: [query(ofProcess('skuprt_controller_watch_last_event_age_seconds'), '{{process}} {{kind}}')],
      unit: 's',
    },
    {
      title: 'Calls to the API server',
      description: 'By code; 0 got no answer, 409 and 410 are normal.',
      queries: [
        query(
          ofProcess(`sum by (instance, code) (rate(skuprt_controller_api_requests_total[${RATE}]))`),
          '{{process}} {{code}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Writes',
      description: 'At rest there are none.',
      queries: [
        query(
          ofProcess(`sum by (instance, kind) (rate(skuprt_controller_writes_total[${RATE}]))`),
          '{{process}} {{kind}}',
        ),
      ],
      unit: 'cps',
    },
    {
      title: 'Memory',
      description: 'Resident.',
      queries: [query(ofProcess('process_resident_memory_bytes'), '{{process}} {{instance}}')],
      unit: 'bytes',
    },
    {
      title: 'Adaptors',
      description: 'Whether each has its router, and entities that routers refuse.',
      queries: [
        query('skuprt_adaptor_ready', '{{instance}} ready'),
        query('skuprt_adaptor_refused_entities', '{{instance}} refused'),
      ],
      unit: 'short',
    },
    {
      title: 'Clusters of the set',
      description: 'Others that are heard, and that were lost; services of this one and of others.',
      queries: [
        query('skuprt_services_clusters', '{{state}}'),
        query('skuprt_services_records', '{{origin}} services'),
      ],
      unit: 'short',
    },
    {
      title: 'Names asked for',
      description: 'By zone and answer.',
      queries: [query(`sum by (zone, rcode) (rate(skuprt_dns_queries_total[${RATE}]))`, '{{zone}} {{rcode}}')],
      unit: 'cps',
    },
    {
      title: 'Time of an answer of DNS',
      description: 'Within the process.',
      queries: quantiles('skuprt_dns_answer_duration_seconds', ''),
      unit: 's',
    },
  ],
};

export const DASHBOARDS: readonly Dashboard[] = [NETWORK, SITE, LINK_BOARD, SERVICE, CONTROLLERS];
