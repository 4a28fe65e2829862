import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { AUDIT_EVENTS } from './documents.ts';
import { inWords } from './gatehouse.ts';
import { say, sayTime } from './words.ts';

interface Page {
  auditEvents: {
    nodes: { id: string; action: string; subjectId: string | null; ipAddress: string | null; at: string }[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
  };
}

export function Records() {
  const { data, error, fetchMore } = useQuery<Page>(AUDIT_EVENTS, { fetchPolicy: 'cache-and-network' });
  const [failure, setFailure] = useState('');
  const events = data?.auditEvents;
  const more = () => {
    setFailure('');
    fetchMore({
      variables: { after: events?.pageInfo.endCursor },
      updateQuery: (before, { fetchMoreResult: { auditEvents } }) => ({
        auditEvents: { ...auditEvents, nodes: [...before.auditEvents.nodes, ...auditEvents.nodes] },
      }),
    }).catch((thrown) => setFailure(inWords(thrown)));
  };
  return (
    <main>
      <h1>{say('audit')}</h1>
      {(error || failure) && <p role="alert">{failure || inWords(error)}</p>}
      {events && (
        <table>
          <thead>
            <tr>
              <th scope="col">{say('when')}</th>
              <th scope="col">{say('what')}</th>
              <th scope="col">{say('where')}</th>
            </tr>
          </thead>
          <tbody>
            {events.nodes.map(({ id, action, ipAddress, at }) => (
              <tr key={id}>
                <td>{sayTime(at)}</td>
                <td>{action}</td>
                <td>{ipAddress}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {events?.pageInfo.hasNextPage && (
        <button type="button" onClick={more}>
          {say('more')}
        </button>
      )}
    </main>
  );
}
