/**
 * Whether the system has the memory that sockets need. When all programs together hold too much of it, unread octets mostly, the system
 * drops what arrives anywhere, and connections of this run crawl or hang through no fault of the routers: the report says so.
 */
import { readFileSync } from 'node:fs';

export class TcpMemory {
  private lookCount = 0;
  private shortCount = 0;

  /** To be called now and then. */
  look(): void {
    const held = Number(/^TCP:.* mem (\d+)/m.exec(read('/proc/net/sockstat'))?.[1]);
    // Above the second number it is short, until it is below the first again.
    const [enough] = read('/proc/sys/net/ipv4/tcp_mem').trim().split(/\s+/).map(Number);
    this.lookCount++;
    if (enough !== undefined && held > enough) this.shortCount++;
  }

  /** Undefined when there was enough, or the system does not tell. */
  get problem(): string | undefined {
    if (this.shortCount === 0) return undefined;
    return `the system was short of memory for TCP at ${this.shortCount} of ${this.lookCount} looks: what hung then need not be the routers' fault`;
  }
}

/** Empty where there is none. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
