// Hides the differences between libpqxx 7.10 and 6.4: statements with parameters, arrays, notifications. Only
// this file depends on the version. Inside runtime/postgres only.
#pragma once

#include <exception>
#include <optional>
#include <pqxx/pqxx>
#include <pqxx/version>
#include <string>
#include <utility>
#include <vector>

namespace sluice::postgres {

#if PQXX_VERSION_MAJOR > 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 10)

/// Runs `sql` with `parameters` for $1, $2, ...
template <typename... Parameters>
pqxx::result exec(pqxx::transaction_base& transaction, const std::string& sql,
                  const Parameters&... parameters) {
  return transaction.exec(sql, pqxx::params{parameters...});
}

/// Runs the statement that the connection has prepared as `name`.
template <typename... Parameters>
pqxx::result exec_prepared(pqxx::transaction_base& transaction, const std::string& name,
                           const Parameters&... parameters) {
  return transaction.exec(pqxx::prepped{name}, pqxx::params{parameters...});
}

/// The elements of a one-dimensional text[], without nulls.
inline std::vector<std::string> texts_of(const pqxx::field& field) {
  std::vector<std::string> texts;
  if (field.is_null()) return texts;
  const auto array = field.as_sql_array<std::optional<std::string>>();
  for (auto text = array.cbegin(); text != array.cend(); ++text) {
    if (*text) texts.push_back(**text);
  }
  return texts;
}

/// Listens to a channel during its lifetime, and keeps what connection.get_notifs() brings.
class Listener {
 public:
  Listener(pqxx::connection& connection, std::string channel)
      : connection_(connection), channel_(std::move(channel)) {
    connection_.listen(channel_, [this](const pqxx::notification& notification) {
      heard_.emplace_back(notification.payload);
    });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    try {
      connection_.listen(channel_);
    } catch (const std::exception&) {
      // The connection is lost, and so are its subscriptions.
    }
  }

  std::vector<std::string> heard() { return std::exchange(heard_, {}); }

 private:
  pqxx::connection& connection_;
  std::string channel_;
  std::vector<std::string> heard_;
};

#else

template <typename... Parameters>
pqxx::result exec(pqxx::transaction_base& transaction, const std::string& sql,
                  const Parameters&... parameters) {
  return transaction.exec_params(sql, parameters...);
}

template <typename... Parameters>
pqxx::result exec_prepared(pqxx::transaction_base& transaction, const std::string& name,
                           const Parameters&... parameters) {
  return transaction.exec_prepared(name, parameters...);
}

inline std::vector<std::string> texts_of(const pqxx::field& field) {
  std::vector<std::string> texts;
  pqxx::array_parser array = field.as_array();
  for (auto part = array.get_next(); part.first != pqxx::array_parser::juncture::done;
       part = array.get_next()) {
    if (part.first == pqxx::array_parser::juncture::string_value) texts.push_back(part.second);
  }
  return texts;
}

class Listener : public pqxx::notification_receiver {
 public:
  Listener(pqxx::connection& connection, const std::string& channel)
      : pqxx::notification_receiver(connection, channel) {}
  void operator()(const std::string& payload, int) override { heard_.push_back(payload); }

  std::vector<std::string> heard() { return std::exchange(heard_, {}); }

 private:
  std::vector<std::string> heard_;
};

#endif

}  // namespace sluice::postgres
