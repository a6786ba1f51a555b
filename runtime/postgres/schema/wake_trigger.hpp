// What wakes idle runtimes: a trigger on the outbox that notifies, while some runtime wants it.
#pragma once

#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// The channel of NOTIFY.
inline constexpr const char* wake_channel = "sluice_wake";

/// Wakes idle runtimes for jobs that were there before and have become pending.
std::string wake_notification();

/// Puts the trigger on the table, or takes it off, where that is not done; statements of a PL/pgSQL body.
/// Waits for the table's lock no longer than lock_timeout.
std::string wake_trigger_creation(const TableName& table);
std::string wake_trigger_removal(const TableName& table);

/// A query with one boolean: whether the trigger is there.
std::string wake_trigger_query(const TableName& table);
/// The same, of one that is switched on.
std::string working_wake_trigger_query(const TableName& table);

}  // namespace sluice::postgres
