// What a statement that claims answers, as values. Inside runtime/store only.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "store/store.hpp"

namespace sluice::store {

/// The answer of claim_statement or brief_claim_statement for `runtime`; throws Fenced where that is not
/// enlisted. `where` names the database, `unencoded` is Link::unencoded().
Claimed read_claimed(const pqxx::result& rows, RuntimeId runtime, const std::string& where, bool unencoded);

/// True when a row of sluice.claim could not be written because its runtime is no longer enlisted.
bool is_fenced(const pqxx::foreign_key_violation& error);

[[noreturn]] void throw_fenced(RuntimeId runtime, const std::string& where);

/// What `step()`, which writes sluice.claim, returns; throws Fenced where `runtime` is no longer enlisted.
template <typename Step>
auto unless_fenced(RuntimeId runtime, const std::string& where, Step&& step) {
  try {
    return step();
  } catch (const pqxx::foreign_key_violation& error) {
    if (!is_fenced(error)) throw;
    throw_fenced(runtime, where);
  }
}

}  // namespace sluice::store
