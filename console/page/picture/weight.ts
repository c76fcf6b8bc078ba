/** What crosses the links, as dots that move along them: larger and more of them where more crosses. Drawn on a canvas of its own. */
import type { Point } from './layout.ts';
import type { Viewport } from './viewport.ts';

/** One direction of one line of the picture, in the picture's own measure. */
export interface Lane {
  readonly from: Point;
  readonly to: Point;
  readonly octetsPerSecond: number;
  /** Of the service that is looked at. */
  readonly isChosen: boolean;
}

const SPEED = 70;
const FRAME_MS = 33;
const DOTS_MAX = 400;
/** Shorter lines are a crowd already. */
const LENGTH_PX_MIN = 40;

export class Weight {
  #lanes: readonly Lane[] = [];
  #canvas: HTMLCanvasElement | undefined;
  #drawnAt = 0;
  #isRunning = false;
  readonly #viewport: Viewport;
  readonly #calm = window.matchMedia('(prefers-reduced-motion: reduce)');

  constructor(viewport: Viewport) {
    this.#viewport = viewport;
  }

  attach(canvas: HTMLCanvasElement): void {
    this.#canvas = canvas;
  }

  show(lanes: readonly Lane[]): void {
    this.#lanes = lanes.filter(({ octetsPerSecond }) => octetsPerSecond >= 1);
    if (this.#isRunning) return;
    this.#isRunning = true;
    requestAnimationFrame((at) => this.#frame(at));
  }

  /** Goes on while the canvas is seen and there is something to move. */
  #frame(at: number): void {
    const canvas = this.#canvas;
    if (canvas === undefined || !canvas.isConnected || this.#calm.matches || this.#lanes.length === 0) {
      this.#isRunning = false;
      canvas?.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
      return;
    }
    if (at - this.#drawnAt >= FRAME_MS) {
      this.#drawnAt = at;
      this.#draw(canvas, at);
    }
    requestAnimationFrame((next) => this.#frame(next));
  }

  #draw(canvas: HTMLCanvasElement, at: number): void {
    const { x, y, scale, width, height } = this.#viewport;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colour = style.color;
    let left = DOTS_MAX;
    for (const lane of this.#lanes) {
      const from = { x: lane.from.x * scale + x, y: lane.from.y * scale + y };
      const to = { x: lane.to.x * scale + x, y: lane.to.y * scale + y };
      const length = Math.hypot(to.x - from.x, to.y - from.y);
      if (length < LENGTH_PX_MIN || left <= 0) continue;
      const weight = Math.log10(1 + lane.octetsPerSecond / 100);
      const count = Math.max(1, Math.min(left, Math.round((length / 160) * Math.min(4, weight))));
      left -= count;
      // Each direction keeps to its right.
      const [sideX, sideY] = [(-(to.y - from.y) / length) * 5, ((to.x - from.x) / length) * 5];
      context.fillStyle = colour;
      context.globalAlpha = lane.isChosen ? 1 : 0.75;
      context.beginPath();
      for (let dot = 0; dot < count; dot += 1) {
        const share = (((at / 1000) * SPEED) / length + dot / count) % 1;
        const [dotX, dotY] = [from.x + (to.x - from.x) * share + sideX, from.y + (to.y - from.y) * share + sideY];
        const size = Math.min(4.5, 1.2 + weight * 0.5) * Math.max(0.5, Math.min(1, scale));
        context.moveTo(dotX + size, dotY);
        context.arc(dotX, dotY, size, 0, 7);
      }
      context.fill();
    }
  }
}
