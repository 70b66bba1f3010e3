/** What a handler adds to the answer of its call, as headers. */
import type { AnswerHeader } from "./exchange.ts";

/** The headers and trailers that a handler has set; absent: none. */
export interface HandledHeader {
  readonly responseHeaderIfAny: Headers | undefined;
  readonly responseTrailerIfAny: Headers | undefined;
}

/** Adds the headers of the handler. */
export function addHandledHeader(header: AnswerHeader, { responseHeaderIfAny }: HandledHeader): void {
  responseHeaderIfAny?.forEach((value, name) => {
    header[name] = value;
  });
}

/** Adds the trailers of the handler to an answer in one piece: as headers, named as Connect names them. */
export function addHandledTrailer(header: AnswerHeader, { responseTrailerIfAny }: HandledHeader): void {
  responseTrailerIfAny?.forEach((value, name) => {
    header[`trailer-${name}`] = value;
  });
}
