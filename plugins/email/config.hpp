// What the operator configures, checked when the plugin starts. Constant from then on.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <sluice/config.hpp>
#include <string>

#include "address.hpp"

namespace email {

enum class Starttls { required, optional, never };

struct SmtpConfig {
  std::string url;  // smtp://host:587 or smtps://host:465, without user and password
  Starttls starttls = Starttls::required;
  std::string user;  // empty: no authentication
  std::string password;
  std::string password_file;  // in place of password; read for each mail, so that it can be changed
  std::string ca_file;        // PEM; empty: the certificates that the system trusts
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  // one attempt as a whole
};

struct Config {
  std::optional<SmtpConfig> smtp;
  std::string directory;  // without smtp: where the mails are written
  Address from;
  std::string message_id_domain;
  std::string attachments_directory;  // empty: no attachments from files
  std::size_t max_bytes = 26'214'400;
};

/// Throws with one sentence that says what to mend.
Config read_config(const sluice::Config& json);

/// The password, from the configuration or its file. Throws Trouble when the file can't be read or is empty.
std::string password_of(const SmtpConfig& smtp);

}  // namespace email
