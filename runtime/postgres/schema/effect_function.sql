-- name: effect_function
-- The role owns the function, so it could alter it to run as its caller. PgEffects::check_function detects that.
DO $grant$
BEGIN
  IF to_regprocedure({function_literal} || '(text, text[])') IS NOT NULL THEN RETURN; END IF;
  IF to_regrole({role_literal}) IS NULL THEN
    RAISE EXCEPTION 'role % does not exist, under which the effects of a plugin are to run: create it, or correct role under [plugin.NAME] in the configuration', {role_literal}
      USING ERRCODE = 'undefined_object';
  END IF;
  CREATE FUNCTION {function}(statement text, parameters text[]) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $effect$
  BEGIN
    EXECUTE statement USING {parameters};
  END;
  $effect$;
  GRANT USAGE, CREATE ON SCHEMA sluice TO {role};
  ALTER FUNCTION {function}(text, text[]) OWNER TO {role};
  REVOKE CREATE ON SCHEMA sluice FROM {role};
  REVOKE EXECUTE ON FUNCTION {function}(text, text[]) FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION {function}(text, text[]) TO CURRENT_USER;
END;
$grant$;
