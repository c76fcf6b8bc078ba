/** A real Prometheus over what processes tell, and a collector of spans: for tests of dashboards, alerts and traces. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stopChild } from './child-process.ts';
import { eventually } from './eventually.ts';
import { findProgram } from './programs.ts';
import { unusedPort } from './tcp.ts';

export const prometheus = findProgram('prometheus');
export const promtool = findProgram('promtool');

/** Runs promtool. @returns its exit status, and what it said */
export function runPromtool(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(promtool ?? 'promtool', args, { encoding: 'utf8', timeout: 30_000 });
  return { status, output: `${stdout}${stderr}` };
}

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export class Prometheus {
  private readonly port: number;
  private readonly child: ChildProcess;
  private output = '';

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', (chunk) => (this.output += String(chunk)));
  }

  /** @param targets ports on this machine, by job */
  static async start(
    directory: string,
    rules: string,
    targets: Readonly<Record<string, readonly number[]>>,
  ): Promise<Prometheus> {
    const port = await unusedPort();
    mkdirSync(directory, { recursive: true });
    const config = join(directory, 'prometheus.yml');
    const jobs = Object.entries(targets).map(([job_name, ports]) => ({
      job_name,
      static_configs: [
        { targets: ports.map((each) => `127.0.0.1:${each}`), labels: { namespace: 'test', pod: job_name } },
      ],
    }));
    const times = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
    // YAML is a superset of JSON.
    writeFileSync(config, JSON.stringify({ global: times, rule_files: [rules], scrape_configs: jobs }));
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ];
    const made = new Prometheus(port, spawn(prometheus!, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    await eventually(
      () => `prometheus is ready: ${made.output}`,
      async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok === true,
      30_000,
    );
    return made;
  }

  /** Why targets are not scraped; empty when all are. */
  async problems(): Promise<string[]> {
    const { activeTargets } = await this.ask<{
      activeTargets: { health: string; scrapeUrl: string; lastError: string }[];
    }>('targets?state=active');
    return activeTargets
      .filter(({ health }) => health !== 'up')
      .map(({ scrapeUrl, lastError }) => `${scrapeUrl}: ${lastError}`);
  }

  /** @throws Error when Prometheus cannot evaluate it */
  async query(expr: string): Promise<readonly QueryResult[]> {
    const { result } = await this.ask<{ result: QueryResult[] }>(`query?query=${encodeURIComponent(expr)}`);
    return result;
  }

  async exemplars(name: string): Promise<readonly string[]> {
    const from = Date.now() / 1000 - 600;
    const query = `query_exemplars?query=${name}&start=${from}&end=${from + 1200}`;
    const series = await this.ask<{ exemplars: { labels: { trace_id: string } }[] }[]>(query);
    return series.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
  }

  /** Names of rules and what is wrong with them. */
  async rules(): Promise<{ name: string; health: string; lastError?: string; state?: string }[]> {
    const { groups } = await this.ask<{ groups: { rules: { name: string; health: string; state?: string }[] }[] }>(
      'rules',
    );
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    await stopChild(this.child);
  }

  private async ask<T>(what: string): Promise<T> {
    const answer = (await (await fetch(`http://127.0.0.1:${this.port}/api/v1/${what}`)).json()) as {
      status: string;
      error?: string;
      data: T;
    };
    if (answer.status !== 'success') throw new Error(`${decodeURIComponent(what)}: ${answer.error}`);
    return answer.data;
  }
}

/** A span as OTLP has it in JSON, with the resource that it is of. */
export interface ReceivedSpan {
  readonly service: string;
  readonly instance: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly events?: readonly { readonly name: string }[];
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface Received {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<ReceivedSpan, 'service' | 'instance'>[] }[];
  }[];
}

export class SpanCollector {
  readonly spans: ReceivedSpan[] = [];
  /** All that was sent, as it came. */
  text = '';
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        this.text += text;
        if (request.url === '/v1/traces') this.take(JSON.parse(text) as Received);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(): Promise<SpanCollector> {
    const made = new SpanCollector();
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    return made;
  }

  /** Variables of a process that is to send its spans here. */
  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private take({ resourceSpans }: Received): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const of = (key: string) => resource.attributes.find((each) => each.key === key)?.value.stringValue ?? '';
      const names = { service: of('service.name'), instance: of('service.instance.id') };
      for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => ({ ...names, ...span })));
    }
  }
}
