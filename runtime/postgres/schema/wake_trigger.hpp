// Wakes idle runtimes: a trigger on the outbox that notifies while a runtime wants it.
#pragma once

#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// The channel of NOTIFY.
inline constexpr const char* wake_channel = "sluice_wake";

/// Wakes idle runtimes for existing jobs that have become pending.
std::string wake_notification();

/// Creates the trigger on the table, or drops it, if that is not done yet; statements of a PL/pgSQL body.
/// Waits for the table's lock for at most lock_timeout.
std::string wake_trigger_creation(const TableName& table);
std::string wake_trigger_removal(const TableName& table);

/// A query with one boolean: whether the trigger is there.
std::string wake_trigger_query(const TableName& table);
/// The same, for an enabled trigger.
std::string working_wake_trigger_query(const TableName& table);

}  // namespace sluice::postgres
