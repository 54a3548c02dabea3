//! The error codes that the gateway itself gives (wire/xroad.md 2.5), in both spellings.

/// How codes are spelled: X-Road changed them in 7.8.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum ErrorStyle {
    /// `server.serverproxy.network_error`
    #[default]
    V78,
    /// `Server.ServerProxy.NetworkError`, 7.7.1 and older
    Legacy,
}

/// The last part of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Code {
    AccessDenied,
    UnknownService,
    UnknownMember,
    ServiceDisabled,
    /// A SOAP service called by REST, or the reverse.
    ServiceType,
    SslAuthenticationFailed,
    InvalidClientIdentifier,
    MaintenanceMode,
    InvalidSecurityServer,
    InconsistentResponse,
    LoggingFailed,
    MissingSignature,
    NetworkError,
    IoError,
    HttpError,
    UnknownHost,
    InternalError,
    BadRequest,
    InvalidRequest,
    MissingSoap,
    InvalidSoap,
    MissingHeader,
    MissingHeaderField,
    DuplicateHeaderField,
    MissingBody,
    InvalidBody,
    InconsistentHeaders,
    InvalidContentType,
    InvalidHttpMethod,
    InvalidSoapAction,
    InvalidProtocolVersion,
    MimeParsingFailed,
    InvalidXml,
}

impl Code {
    pub(super) const fn text(self, style: ErrorStyle) -> &'static str {
        let (current, legacy) = self.names();
        match style {
            ErrorStyle::V78 => current,
            ErrorStyle::Legacy => legacy,
        }
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::AccessDenied => ("access_denied", "AccessDenied"),
            Self::UnknownService => ("unknown_service", "UnknownService"),
            Self::UnknownMember => ("unknown_member", "UnknownMember"),
            Self::ServiceDisabled => ("service_disabled", "ServiceDisabled"),
            Self::ServiceType => ("service_type", "ServiceType"),
            Self::SslAuthenticationFailed => {
                ("ssl_authentication_failed", "SslAuthenticationFailed")
            }
            Self::InvalidClientIdentifier => {
                ("invalid_client_identifier", "InvalidClientIdentifier")
            }
            Self::MaintenanceMode => ("maintenance_mode", "MaintenanceMode"),
            Self::InvalidSecurityServer => ("invalid_security_server", "InvalidSecurityServer"),
            Self::InconsistentResponse => ("inconsistent_response", "InconsistentResponse"),
            Self::LoggingFailed => ("logging_failed", "LoggingFailed"),
            Self::MissingSignature => ("missing_signature", "MissingSignature"),
            Self::NetworkError => ("network_error", "NetworkError"),
            Self::IoError => ("io_error", "IOError"),
            Self::HttpError => ("http_error", "HttpError"),
            Self::UnknownHost => ("unknown_host", "UnknownHost"),
            Self::InternalError => ("internal_error", "InternalError"),
            Self::BadRequest => ("bad_request", "BadRequest"),
            Self::InvalidRequest => ("invalid_request", "InvalidRequest"),
            Self::MissingSoap => ("missing_soap", "MissingSoap"),
            Self::InvalidSoap => ("invalid_soap", "InvalidSoap"),
            Self::MissingHeader => ("missing_header", "MissingHeader"),
            Self::MissingHeaderField => ("missing_header_field", "MissingHeaderField"),
            Self::DuplicateHeaderField => ("duplicate_header_field", "DuplicateHeaderField"),
            Self::MissingBody => ("missing_body", "MissingBody"),
            Self::InvalidBody => ("invalid_body", "InvalidBody"),
            Self::InconsistentHeaders => ("inconsistent_headers", "InconsistentHeaders"),
            Self::InvalidContentType => ("invalid_content_type", "InvalidContentType"),
            Self::InvalidHttpMethod => ("invalid_http_method", "InvalidHttpMethod"),
            Self::InvalidSoapAction => ("invalid_soap_action", "InvalidSoapAction"),
            Self::InvalidProtocolVersion => ("invalid_protocol_version", "InvalidProtocolVersion"),
            Self::MimeParsingFailed => ("mime_parsing_failed", "MimeParsingFailed"),
            Self::InvalidXml => ("invalid_xml", "InvalidXml"),
        }
    }
}
