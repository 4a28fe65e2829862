export { type Inbox, postgresInbox } from './inbox.js';
export { type Listener, type ListenOptions, listen } from './listen.js';
export { type Erase, type Erasure, Participant, type ParticipantOptions } from './participant.js';
