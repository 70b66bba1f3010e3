/** Watches over HTTP/2 connections: sends away the idle ones and those that open streams only to break them off. */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { TransportLimits } from "./limits.ts";

export interface SessionGuard {
  /** GOAWAY to all: open streams may finish, new ones are refused. */
  goAway(): void;
  destroy(): void;
}

type Watched = { streams: number; resets: number; windowStart: number; idleTimer: NodeJS.Timeout };

export function guardSessions(server: Http2Server, limits: TransportLimits): SessionGuard {
  const sessions = new Map<ServerHttp2Session, Watched>();
  server.on("session", (session) => {
    const idleTimer = setTimeout(() => {
      // With streams open nothing happens; the end of the last one starts the timer again.
      if (watched.streams === 0) {
        closeIdle(session, limits.headerTimeoutMs);
      }
    }, limits.idleTimeoutMs);
    const watched: Watched = { streams: 0, resets: 0, windowStart: performance.now(), idleTimer };
    sessions.set(session, watched);
    session.on("stream", (stream) => watchStream(session, stream, watched, limits));
    session.once("close", () => {
      clearTimeout(watched.idleTimer);
      sessions.delete(session);
    });
  });
  return {
    goAway: () => {
      for (const session of sessions.keys()) {
        session.close();
      }
    },
    destroy: () => {
      for (const session of sessions.keys()) {
        session.destroy();
      }
    },
  };
}

function watchStream(
  session: ServerHttp2Session,
  stream: ServerHttp2Stream,
  watched: Watched,
  limits: TransportLimits,
): void {
  watched.streams++;
  stream.once("close", () => {
    watched.streams--;
    if (watched.streams === 0) {
      watched.idleTimer.refresh();
    }
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
      countReset(session, watched, limits);
    }
  });
}

function closeIdle(session: ServerHttp2Session, graceMs: number): void {
  session.close();
  const timer = setTimeout(() => session.destroy(), graceMs);
  session.once("close", () => clearTimeout(timer));
}

function countReset(session: ServerHttp2Session, watched: Watched, limits: TransportLimits): void {
  const now = performance.now();
  if (now - watched.windowStart > limits.resetWindowMs) {
    watched.windowStart = now;
    watched.resets = 0;
  }
  watched.resets++;
  if (watched.resets > limits.resetsMax && !session.destroyed) {
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
