/** Which part of the picture is seen, and how large: fitted to its place until somebody moves it by wheel, pointer, two fingers or keys. */
import type { Box, Point } from './layout.ts';

const SCALE_MIN = 0.15;
const SCALE_MAX = 4;
/** A small network is not blown up to fill the screen. */
const FIT_SCALE_MAX = 1.2;
const MARGIN_MAX = 36;
const MARGIN_SHARE = 0.05;
/** A pointer that moved less has clicked. */
const CLICK_PX = 4;

export class Viewport {
  x = 0;
  y = 0;
  scale = 1;
  width = 0;
  height = 0;
  isFitted = true;
  readonly #pointers = new Map<number, Point>();
  readonly #onMove: () => void;
  #movedPx = 0;

  constructor(onMove: () => void) {
    this.#onMove = onMove;
  }

  /** Shows all of these, unless somebody has chosen what to see. */
  fit(boxes: readonly Box[], places: ReadonlyMap<string, Point>): void {
    if (!this.isFitted || boxes.length === 0 || this.width === 0) return;
    const { left, right, top, bottom } = boundsOf(boxes, places);
    this.scale = Math.max(SCALE_MIN, this.scaleOf(boxes, places));
    this.x = this.width / 2 - ((left + right) / 2) * this.scale;
    this.y = this.height / 2 - ((top + bottom) / 2) * this.scale;
  }

  /** How large these are where all of them are seen. */
  scaleOf(boxes: readonly Box[], places: ReadonlyMap<string, Point>): number {
    if (boxes.length === 0 || this.width === 0) return 1;
    const { left, right, top, bottom } = boundsOf(boxes, places);
    const margin = Math.min(MARGIN_MAX, this.width * MARGIN_SHARE);
    const [width, height] = [this.width - 2 * margin, this.height - 2 * margin];
    return Math.min(FIT_SCALE_MAX, width / (right - left), height / (bottom - top));
  }

  refit(): void {
    this.isFitted = true;
    this.#onMove();
  }

  zoom(factor: number, at: Point = { x: this.width / 2, y: this.height / 2 }): void {
    const scale = Math.max(SCALE_MIN, Math.min(SCALE_MAX, this.scale * factor));
    const change = scale / this.scale;
    this.x = at.x - (at.x - this.x) * change;
    this.y = at.y - (at.y - this.y) * change;
    this.scale = scale;
    this.isFitted = false;
    this.#onMove();
  }

  pan(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.#onMove();
  }

  attach(place: HTMLElement): void {
    const size = () => {
      const { width, height } = place.getBoundingClientRect();
      if (width === this.width && height === this.height) return;
      this.width = width;
      this.height = height;
      this.#onMove();
    };
    new ResizeObserver(size).observe(place);
    size();
    const options = { passive: false };
    place.addEventListener('wheel', (event) => this.#wheel(event, place), options);
    place.addEventListener('pointerdown', (event) => this.#down(event));
    place.addEventListener('pointermove', (event) => this.#drag(event, place));
    for (const end of ['pointerup', 'pointercancel', 'pointerleave'] as const) {
      place.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    }
    // Whoever has dragged did not mean to follow the link under the pointer.
    place.addEventListener('click', (event) => this.#movedPx > CLICK_PX && event.preventDefault(), { capture: true });
    place.addEventListener('dragstart', (event) => event.preventDefault());
    place.addEventListener('dblclick', (event) => (event.target as Element).closest('a') === null && this.refit());
  }

  #wheel(event: WheelEvent, place: HTMLElement): void {
    event.preventDefault();
    this.zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.004), inside(event, place));
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    if (this.#pointers.size === 0) this.#movedPx = 0;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  #drag(event: PointerEvent, place: HTMLElement): void {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = { x: event.clientX, y: event.clientY };
    this.#pointers.set(event.pointerId, now);
    this.#movedPx += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.#movedPx <= CLICK_PX) return;
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) {
      this.pan(now.x - before.x, now.y - before.y);
      return;
    }
    const spread = (point: Point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    const { left, top } = place.getBoundingClientRect();
    this.zoom(spread(now) / spread(before), { x: (now.x + other.x) / 2 - left, y: (now.y + other.y) / 2 - top });
  }
}

function boundsOf(boxes: readonly Box[], places: ReadonlyMap<string, Point>) {
  const at = boxes.map((box) => ({ ...box, ...(places.get(box.id) ?? { x: 0, y: 0 }) }));
  return {
    left: Math.min(...at.map(({ x, width }) => x - width / 2)),
    right: Math.max(...at.map(({ x, width }) => x + width / 2)),
    top: Math.min(...at.map(({ y, height }) => y - height / 2)),
    bottom: Math.max(...at.map(({ y, height }) => y + height / 2)),
  };
}

function inside(event: MouseEvent, place: HTMLElement): Point {
  const { left, top } = place.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}
