// The configuration. It is checked when the plugin starts, and constant from then on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/config.hpp>
#include <string>
#include <vector>

#include "address.hpp"
#include "dkim.hpp"
#include "secret.hpp"

namespace email {

enum class Starttls { required, optional, never };

/// What to do if the server accepts some recipients and refuses others.
enum class OnRejected { deliver, none };

/// Where access tokens come from: a file that another program keeps up to date, or a token endpoint (RFC
/// 6749).
struct OauthConfig {
  Secret token;          // if set, nothing else is
  std::string endpoint;  // https://...
  std::string client_id;
  Secret client_secret;
  Secret refresh_token;  // without it, the request has the client's own credentials
  std::string scope;
};

struct SmtpConfig {
  std::string url;        // smtp://host:587 or smtps://host:465, without user and password
  std::string ehlo_name;  // our name in EHLO
  Starttls starttls = Starttls::required;
  std::string user;                 // empty: no authentication
  std::vector<std::string> logins;  // names of the SASL mechanisms to try
  Secret password;
  std::optional<OauthConfig> oauth;  // instead of the password
  std::string ca_file;               // PEM; empty: the certificates that the system trusts
  OnRejected on_rejected = OnRejected::deliver;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  // for one whole attempt
};

/// The templates of subjects and bodies, and the program that renders them.
struct TemplateConfig {
  std::string directory;  // empty: no templates
  std::string python;
  std::string program;  // pages.py of the pdf plugin
};

struct Config {
  std::optional<SmtpConfig> smtp;
  std::string directory;  // without smtp: where the mails are written
  Address from;
  std::string envelope_from;  // the mailbox for bounces; empty: that of from
  std::string message_id_domain;
  std::string attachments_directory;  // empty: no attachments from files
  TemplateConfig templates;
  std::shared_ptr<const DkimSigner> dkim;  // null: mails are not signed
  std::size_t max_bytes = 26'214'400;
  std::size_t max_connections = 0;             // 0: one for each slot
  std::chrono::microseconds between_mails{0};  // on average
};

/// Throws std::runtime_error, whose message says what to fix.
Config read_config(const sluice::Config& json);

}  // namespace email
