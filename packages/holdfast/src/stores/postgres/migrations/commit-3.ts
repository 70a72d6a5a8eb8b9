/** Commits as in `commit-2.ts`, the plain ones first and together (`commit-plain.ts`), all others one by one. */
export const commit3 = `
-- Answers \`at\` and \`done\` of the plain ones, and \`outcomes\` of all others by their place in the batch, which those of
-- \`_rest\` carry as \`p\`. Where it is to wait, there are either plain ones or others.
create function holdfast.commit_3(
  _plain json, _owners jsonb, _several boolean, _rest jsonb, _wait boolean, _ahead bigint
) returns json language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan set holdfast.counts = 'kept' as $$
declare
  _plain_ones holdfast.carried_out_1;
  _outcomes jsonb := '{}';
  _commit jsonb;
  _books jsonb := '{}';
  _booked holdfast.booked_1;
begin
  if _wait then
    if _plain is not null then perform holdfast.wait_for_plain_1(_plain, _owners); end if;
    if _rest is not null then perform holdfast.wait_for_1(_rest); end if;
  end if;
  if _plain is not null then
    _plain_ones := holdfast.commit_plain_1(_plain, _owners, _several, _ahead);
    _books := coalesce(_plain_ones.books, '{}');
    if _plain_ones.count < json_array_length(_plain) then
      select jsonb_agg(c) || coalesce(_rest, '[]') into _rest from holdfast.plain_left_1(_plain, _plain_ones.done) c;
    end if;
  end if;
  if _rest is not null then
    for _commit in select value from jsonb_array_elements(_rest) loop
      _booked := holdfast.commit_one_2(_commit, _ahead, coalesce(_books->(_commit->>'o'), '{"b": 0, "k": {}}'));
      _outcomes := _outcomes || jsonb_build_object(_commit->>'p', _booked.outcome);
      _books := _books || jsonb_build_object(_commit->>'o', _booked.book);
    end loop;
  end if;
  perform holdfast.keep_books_1(_books);
  return json_build_object('at', _plain_ones.at, 'done', coalesce(_plain_ones.done, '[]'), 'outcomes', _outcomes);
end
$$;
`;
