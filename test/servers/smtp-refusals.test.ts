// Each refusal of a mail server is told to the one who can change it; a real SMTP server refuses in every way.

import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MailFailure } from '../../src/mail/mailer.js';
import { smtpMailer } from '../../src/mail/smtp-mailer.js';
import { freePort } from '../support/servers/free-port.js';
import { smtpError, TestSmtpServer } from '../support/smtp.js';

type Stage = 'greeting' | 'EHLO' | 'MAIL FROM' | 'RCPT TO' | 'DATA' | 'message';

const GOOD: Record<Stage, string> = {
  greeting: '220 ready',
  EHLO: '250 here',
  'MAIL FROM': '250 ok',
  'RCPT TO': '250 ok',
  DATA: '354 go on',
  message: '250 taken',
};

const MAIL = { to: 'ada@example.com', subject: 'Hello', text: 'Hello', html: '<p>Hello</p>', messageId: '<1@here>' };

describe('a refusal of a mail server', () => {
  let end: () => void = () => undefined;
  afterEach(() => end());

  /** A server that answers each stage as told; an empty answer ends the connection. */
  async function serverThat(answers: Record<Stage, string>): Promise<string> {
    const sockets = new Set<Socket>();
    const talk = (socket: Socket) => {
      const say = (stage: Stage) => (answers[stage] ? socket.write(`${answers[stage]}\r\n`) : socket.destroy());
      let inMessage = false;
      sockets.add(socket.on('error', () => undefined));
      createInterface(socket).on('line', (line) => {
        if (inMessage && line !== '.') return;
        if (inMessage) say('message');
        else if (/^HELO/.test(line)) say('EHLO');
        else if (/^(RSET|QUIT)/.test(line)) socket.write('250 ok\r\n');
        else say((Object.keys(GOOD) as Stage[]).find((stage) => line.startsWith(stage)) ?? 'EHLO');
        inMessage = !inMessage && line === 'DATA' && answers.DATA.startsWith('354');
      });
      say('greeting');
    };
    const port = await freePort();
    const server = createServer(talk);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    end = () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    return `127.0.0.1:${port}`;
  }

  async function verdictOf(stage: Stage, answer: string): Promise<string> {
    return verdictAt(`smtp://${await serverThat({ ...GOOD, [stage]: answer })}`);
  }

  async function verdictAt(url: string): Promise<string> {
    const mailer = smtpMailer(url, 'no-reply@example.com');
    const failure = await mailer.send(MAIL).then(
      () => 'taken',
      (error: unknown) => error,
    );
    mailer.close();
    if (!(failure instanceof MailFailure)) return String(failure);
    expect(failure.message).not.toContain('@');
    if (failure.isRefusal) return 'final';
    return failure.advice ? 'operator' : 'passing';
  }

  test.each<[Stage, string, string]>([
    ['greeting', '554 no service for you', 'operator'],
    ['greeting', '421 4.3.2 later', 'passing'],
    ['greeting', '', 'passing'],
    ['EHLO', '550 5.7.1 your name is not welcome', 'operator'],
    ['EHLO', '421 4.7.0 later', 'passing'],
    ['MAIL FROM', '550 5.7.1 not allowed to send for it', 'operator'],
    ['MAIL FROM', '530 5.7.0 authentication required', 'operator'],
    ['MAIL FROM', '553 5.1.8 no such sender', 'operator'],
    ['MAIL FROM', '552 5.3.4 too big', 'final'],
    ['MAIL FROM', '451 4.3.0 later', 'passing'],
    ['MAIL FROM', '452 4.3.1 disk full', 'passing'],
    ['RCPT TO', '550 5.1.1 unknown', 'final'],
    ['RCPT TO', '550 no such mailbox', 'final'],
    ['RCPT TO', '551 5.1.6 moved', 'final'],
    ['RCPT TO', '553 5.1.3 no address', 'final'],
    ['RCPT TO', '501 5.1.3 no address', 'final'],
    ['RCPT TO', '556 5.1.10 takes no mail', 'final'],
    ['RCPT TO', '552 5.2.2 mailbox full', 'final'],
    ['RCPT TO', '552 too many recipients', 'passing'],
    ['RCPT TO', '452 4.2.2 mailbox full', 'passing'],
    ['RCPT TO', '452 4.5.3 too many recipients', 'passing'],
    ['RCPT TO', '450 4.2.1 greylisted', 'passing'],
    ['RCPT TO', '550 4.2.1 contradicts itself', 'passing'],
    ['RCPT TO', '554 5.7.1 relay access denied', 'operator'],
    ['RCPT TO', '550-5.7.1 blocked\r\n550 5.7.1 by a list', 'operator'],
    ['RCPT TO', '530 authenticate first', 'operator'],
    ['RCPT TO', '553 5.1.8 bad sender', 'operator'],
    ['RCPT TO', '503 5.5.1 bad sequence', 'operator'],
    ['DATA', '554 no valid recipients', 'final'],
    ['DATA', '503 bad sequence', 'operator'],
    ['DATA', '451 4.3.0 later', 'passing'],
    ['message', '554 transaction failed', 'final'],
    ['message', '554 5.6.0 no message', 'final'],
    ['message', '550 5.2.1 mailbox disabled', 'final'],
    ['message', '552 5.3.4 too big', 'final'],
    ['message', '552 storage exceeded', 'final'],
    ['message', '554 5.4.6 loop', 'final'],
    ['message', '550 5.7.26 no SPF, no DKIM', 'operator'],
    ['message', '421 4.3.2 going down', 'passing'],
    ['message', '450 4.2.0 later', 'passing'],
    ['message', '451 4.4.1 no answer from there', 'passing'],
    ['message', '452 4.3.1 disk full', 'passing'],
    ['message', '454 4.7.0 later', 'passing'],
    ['message', '', 'passing'],
  ])('at %s, with "%s", is %s', async (stage, answer, verdict) => {
    expect(await verdictOf(stage, answer)).toBe(verdict);
  });

  test.each([
    [535, '5.7.8 wrong password', 'operator'],
    [534, '5.7.9 too weak', 'operator'],
    [454, '4.7.0 later', 'passing'],
  ])('of a login, with "%s %s", is %s', async (code, message, verdict) => {
    const server = await TestSmtpServer.create({ onAuth: (_, __, done) => done(smtpError(code, message)) });
    await server.listen();
    end = () => void server.close();

    expect(await verdictAt(`smtp://ada:secret@${server.address}?tls.rejectUnauthorized=false`)).toBe(verdict);
  });

  test('of TLS, where its certificate is nobody’s, is operator', async () => {
    const server = await TestSmtpServer.create({});
    await server.listen();
    end = () => void server.close();

    expect(await verdictAt(`smtp://ada:secret@${server.address}`)).toBe('operator');
  });
});
