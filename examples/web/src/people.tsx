import { useMutation, useQuery } from '@apollo/client/react';
import { useId, useState } from 'react';
import { ACTIVATE_USER, DEACTIVATE_USER, SET_USER_ROLE, USERS } from './documents.ts';
import { inWords } from './gatehouse.ts';
import { say, type Word } from './words.ts';

export interface User {
  id: string;
  name: string;
  email: string;
  emailVerified: boolean;
  isActive: boolean;
  deletedAt?: string | null;
  role: { id: string; name: 'ADMIN' | 'MEMBER' };
}

interface Page {
  users: { totalCount: number; nodes: User[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}

const ORDERS = {
  NEWEST: { field: 'CREATED_AT', direction: 'DESC' },
  BY_NAME: { field: 'NAME', direction: 'ASC' },
};

const stateOf = ({ deletedAt, isActive }: User): Word => (deletedAt ? 'closed' : isActive ? 'active' : 'deactivated');

export function People() {
  const [search, setSearch] = useState('');
  const [order, setOrder] = useState<keyof typeof ORDERS>('NEWEST');
  const [failure, setFailure] = useState('');
  const [searchId, orderId] = [useId(), useId()];
  const variables = { search: search || null, orderBy: ORDERS[order] };
  const { data, previousData, error, fetchMore } = useQuery<Page>(USERS, {
    variables,
    fetchPolicy: 'cache-and-network',
  });
  const [setRole] = useMutation(SET_USER_ROLE);
  const [deactivate] = useMutation(DEACTIVATE_USER);
  const [activate] = useMutation(ACTIVATE_USER);
  const users = (data ?? previousData)?.users;
  const attempt = (work: Promise<unknown>) => {
    setFailure('');
    work.catch((thrown) => setFailure(inWords(thrown)));
  };
  const more = () =>
    fetchMore({
      variables: { ...variables, after: users?.pageInfo.endCursor },
      updateQuery: (before, { fetchMoreResult }) => ({
        users: { ...fetchMoreResult.users, nodes: [...before.users.nodes, ...fetchMoreResult.users.nodes] },
      }),
    });
  return (
    <main>
      <h1>{say('administration')}</h1>
      <search>
        <label htmlFor={searchId}>{say('search')}</label>
        <input id={searchId} type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
        <label htmlFor={orderId}>{say('orderBy')}</label>
        <select id={orderId} value={order} onChange={(event) => setOrder(event.target.value as keyof typeof ORDERS)}>
          <option value="NEWEST">{say('NEWEST')}</option>
          <option value="BY_NAME">{say('BY_NAME')}</option>
        </select>
      </search>
      {(error || failure) && <p role="alert">{failure || inWords(error)}</p>}
      {users && (
        <>
          <p role="status">
            {users.totalCount} {say('ofAll')}
          </p>
          <table>
            <thead>
              <tr>
                <th scope="col">{say('name')}</th>
                <th scope="col">{say('email')}</th>
                <th scope="col">{say('role')}</th>
                <th scope="col">{say('state')}</th>
              </tr>
            </thead>
            <tbody>
              {users.nodes.map((user) => (
                <tr key={user.id}>
                  <th scope="row">{user.name}</th>
                  <td>{user.email}</td>
                  <td>
                    {user.role.name}{' '}
                    <button
                      type="button"
                      onClick={() => {
                        const role = user.role.name === 'ADMIN' ? 'MEMBER' : 'ADMIN';
                        attempt(setRole({ variables: { id: user.id, role } }));
                      }}
                    >
                      {say(user.role.name === 'ADMIN' ? 'makeMember' : 'makeAdmin')}
                    </button>
                  </td>
                  <td>
                    {say(stateOf(user))}{' '}
                    {!user.deletedAt && (
                      <button
                        type="button"
                        onClick={() => attempt((user.isActive ? deactivate : activate)({ variables: { id: user.id } }))}
                      >
                        {say(user.isActive ? 'deactivate' : 'activate')}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {users.pageInfo.hasNextPage && (
            <button type="button" onClick={() => attempt(more())}>
              {say('more')}
            </button>
          )}
        </>
      )}
    </main>
  );
}
