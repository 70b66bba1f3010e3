/** A GET whose path is sent as it is: clients resolve dots and encode. */
import { once } from "node:events";
import { connect } from "node:net";

/** Returns the answer over HTTP/1.1 as text, its head included. `url`: of the service. */
export async function rawGet(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answer += text;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
  await once(socket, "close");
  return answer;
}
