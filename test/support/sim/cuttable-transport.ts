/** A connection to an API server that can be cut for good, as that of a controller which is killed. */
import type { HttpAnswer, HttpRequest, Transport } from '../../../lib/kube/transport.ts';

/** The connection of one controller; cut, it answers nothing ever again. */
export class CuttableTransport implements Transport {
  readonly server: string;
  private readonly transport: Transport;
  private isCut = false;

  constructor(transport: Transport) {
    this.transport = transport;
    this.server = transport.server;
  }

  cut(): void {
    this.isCut = true;
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    this.require();
    const answer = await this.transport.send(request);
    this.require();
    return { ...answer, body: this.guarded(answer.body) };
  }

  renew(): void {}

  close(): void {}

  private async *guarded(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      this.require();
      yield chunk;
    }
  }

  private require(): void {
    if (this.isCut) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  }
}
