/** Requests to a router's `$management`, and their answers. */
import { type Inbox, type Outbox, RheaClient } from './rhea-client.ts';

export interface ManagementAnswer {
  readonly status: number;
  readonly description: string;
  readonly body: unknown;
}

export class ManagementClient {
  private readonly client: RheaClient;
  private readonly requests: Outbox;
  private readonly answers: Inbox;
  private next = 0;

  private constructor(client: RheaClient, requests: Outbox, answers: Inbox) {
    this.client = client;
    this.requests = requests;
    this.answers = answers;
  }

  static async connect(port: number): Promise<ManagementClient> {
    const client = await RheaClient.connect(port);
    const requests = await client.sender();
    return new ManagementClient(client, requests, await client.receiver({ source: { dynamic: true, address: '' } }));
  }

  async ask(
    operation: string,
    properties: Record<string, string>,
    body: object = {},
    to = '$management',
  ): Promise<ManagementAnswer> {
    const application_properties = { operation, ...properties };
    const message = { to, reply_to: this.answers.address, correlation_id: this.next++, application_properties, body };
    await this.requests.send(message);
    const { message: answer } = await this.answers.next();
    const { statusCode: status, statusDescription: description } = answer.application_properties!;
    return { status, description, body: answer.body };
  }

  async query(entityType: string, to?: string): Promise<Record<string, unknown>[]> {
    const { status, body, description } = await this.ask('QUERY', { entityType }, { attributeNames: [] }, to);
    if (status !== 200) throw new Error(`${status} ${description}`);
    const { attributeNames, results } = body as { attributeNames: string[]; results: unknown[][] };
    return results.map((values) => Object.fromEntries(values.map((value, at) => [attributeNames[at]!, value])));
  }

  async update(type: string, name: string, attributes: object): Promise<ManagementAnswer> {
    return await this.ask('UPDATE', { type, name }, attributes);
  }

  close(): void {
    this.client.close();
  }
}
