/** Five bodies under gravity for n steps: f64 fields of objects, loaded and stored each step. Returns the energy. */

class Body {
  constructor(
    public x: f64,
    public y: f64,
    public z: f64,
    public vx: f64,
    public vy: f64,
    public vz: f64,
    public mass: f64,
  ) {}
}

let bodies: StaticArray<Body> = [];

/** A sun at rest in the centre and four planets on tilted circles around it. */
function place(): void {
  const sunMass: f64 = 40;
  bodies = new StaticArray<Body>(5);
  bodies[0] = new Body(0, 0, 0, 0, 0, 0, sunMass);
  for (let i = 1; i < 5; i++) {
    const radius = (i as f64) * 2.5;
    const speed = Math.sqrt(sunMass / radius);
    bodies[i] = new Body(radius, 0, 0.1 * (i as f64), 0, speed * 0.99, speed * 0.1, 0.01 * (i as f64));
  }
}

function step(dt: f64): void {
  const count = bodies.length;
  for (let i = 0; i < count; i++) {
    const a = unchecked(bodies[i]);
    for (let j = i + 1; j < count; j++) {
      const b = unchecked(bodies[j]);
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      const dz = a.z - b.z;
      const squared = dx * dx + dy * dy + dz * dz;
      const pull = dt / (squared * Math.sqrt(squared));
      a.vx -= dx * b.mass * pull;
      a.vy -= dy * b.mass * pull;
      a.vz -= dz * b.mass * pull;
      b.vx += dx * a.mass * pull;
      b.vy += dy * a.mass * pull;
      b.vz += dz * a.mass * pull;
    }
  }
  for (let i = 0; i < count; i++) {
    const body = unchecked(bodies[i]);
    body.x += dt * body.vx;
    body.y += dt * body.vy;
    body.z += dt * body.vz;
  }
}

function energy(): f64 {
  let total: f64 = 0;
  for (let i = 0; i < bodies.length; i++) {
    const a = bodies[i];
    total += 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz);
    for (let j = i + 1; j < bodies.length; j++) {
      const b = bodies[j];
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      const dz = a.z - b.z;
      total -= (a.mass * b.mass) / Math.sqrt(dx * dx + dy * dy + dz * dz);
    }
  }
  return total;
}

export function run(n: i32): f64 {
  place();
  for (let i = 0; i < n; i++) step(0.001);
  return energy();
}
