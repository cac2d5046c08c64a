// What `cloudflare:workers` is under simulation: the base class of a Durable Object, and no more.

/** Keeps what the platform gives to an object. */
export class DurableObject<Env = unknown> {
  protected readonly ctx: unknown
  protected readonly env: Env

  constructor(ctx: unknown, env: Env) {
    this.ctx = ctx
    this.env = env
  }
}
