//! Refusals 1xx: who is calling.

use super::pages;

pages! {
    UNKNOWN_CALLER
    vi
        "Không thành viên nào có chứng thư hoặc mã hệ thống này."
        "Chứng thư, systemid hoặc token gửi kèm không có trong danh bạ của trục."
        "systemid trong yêu cầu là `he-thong-cu`, nhưng danh bạ chỉ có `he-thong-moi`."
        "Đăng ký hệ thống với đơn vị vận hành, hoặc sửa systemid và chứng thư trong cấu hình của \
         máy khách."
    en
        "No member has this certificate or system id."
        "The certificate, systemid or token that came along is not in the directory of the \
         platform."
        "The request carries the systemid `old-system`; the directory only knows `new-system`."
        "Have the system registered by the operator, or correct systemid and certificate in the \
         client's configuration.";
    BAD_SIGNATURE
    vi
        "Mã xác thực của yêu cầu không khớp với các tiêu đề đã ký."
        "HMAC tính lại từ sign-header và khóa bí mật khác với hash-header nhận được."
        "Khóa bí mật đã đổi trên trục nhưng máy khách vẫn dùng khóa cũ."
        "Kiểm tra khóa bí mật, và rằng không thiết bị trung gian nào sửa tiêu đề HTTP."
    en
        "The request's authentication code does not match its signed headers."
        "The HMAC computed from sign-header and the secret differs from the hash-header received."
        "The secret was changed on the platform and the client still uses the old one."
        "Check the secret, and that nothing in between changes HTTP headers.";
    UNCHECKABLE_CREDENTIAL
    vi
        "Không kiểm tra được mã xác thực và kênh truyền không chứng minh được ai đang gọi."
        "Tham số có ký tự ngoài ASCII nên HMAC không tính lại được; khi đó phải nhận diện qua \
         chứng thư mTLS hoặc cổng của máy chủ bảo mật."
        "updateStatus gửi mô tả tiếng Việt có dấu qua cổng không yêu cầu chứng thư."
        "Gọi qua máy chủ bảo mật hoặc cổng mTLS, hoặc chỉ dùng ký tự ASCII trong tham số."
    en
        "The credential cannot be checked and the channel does not prove who is calling."
        "A parameter holds non-ASCII characters, so the HMAC cannot be recomputed; then identity \
         must come from an mTLS certificate or a security server's port."
        "updateStatus with a Vietnamese description over a port that asks for no certificate."
        "Call through a security server or the mTLS port, or use ASCII only in parameters.";
    FOREIGN_CREDENTIAL
    vi
        "Mã hệ thống thuộc về thành viên khác với chứng thư."
        "Chứng thư của kết nối và systemid (hoặc token) trong yêu cầu thuộc hai thành viên khác \
         nhau."
        "Kết nối bằng chứng thư của tỉnh H53 nhưng gửi systemid của bộ G14."
        "Dùng systemid và chứng thư của cùng một thành viên."
    en
        "The credential belongs to another member than the certificate."
        "The connection's certificate and the systemid (or token) in the request belong to two \
         members."
        "Connected with the certificate of province H53 but sending the systemid of ministry G14."
        "Use the systemid and the certificate of one and the same member.";
    CERTIFICATE_REVOKED
    vi
        "Chứng thư của hệ thống gọi đã bị thu hồi."
        "Số sê-ri của chứng thư có trong danh sách thu hồi (CRL) đang có hiệu lực."
        "Khóa của máy chủ bảo mật bị lộ nên chứng thư được thu hồi sáng nay."
        "Xin cấp chứng thư mới và cài lại trên máy khách."
    en
        "The caller's certificate has been revoked."
        "The certificate's serial number is in the revocation list (CRL) in force."
        "The security server's key leaked, so its certificate was revoked this morning."
        "Request a new certificate and install it on the client.";
    BAD_CREDENTIAL
    vi
        "Thiếu token hoặc khóa bí mật, hoặc chúng sai, hoặc đã hết hạn."
        "Token không do cổng này cấp hay đã hết hạn, hoặc mã hệ thống và khóa bí mật không khớp; chỗ ghi trong \
         lỗi cho biết là tiêu đề nào."
        "Authorization: Bearer … vẫn dùng token của hôm qua, hoặc yêu cầu không có X-SecretKey."
        "Lấy token mới (POST /token hoặc /v1/auth/login), kiểm tra systemid và khóa bí mật, rồi gửi lại."
    en
        "A token or secret is missing, wrong or expired."
        "The token was not issued by this gateway or has expired, or system id and secret do not match; the \
         place in the refusal names the header."
        "Authorization: Bearer … still carries yesterday's token, or the request has no X-SecretKey."
        "Ask for a new token (POST /token or /v1/auth/login), check system id and secret, and send again.";
    SENDER_MISSING
    vi
        "Văn bản không ghi cơ quan gửi."
        "Phần tử From/OrganId trong MessageHeader không có hoặc rỗng."
        "<From><OrganId></OrganId>…</From>"
        "Điền mã định danh cơ quan gửi vào From/OrganId, ví dụ 000.00.00.H53."
    en
        "The document names no sender."
        "The element From/OrganId in MessageHeader is absent or empty."
        "<From><OrganId></OrganId>…</From>"
        "Put the sending agency's code into From/OrganId, for example 000.00.00.H53.";
    SENDER_UNKNOWN
    vi
        "Cơ quan gửi không có trong danh bạ."
        "Mã định danh ở From/OrganId đúng dạng nhưng chưa được đăng ký trên trục."
        "From/OrganId là 000.00.99.H53; danh bạ không có đơn vị này."
        "Kiểm tra lại mã, hoặc đăng ký đơn vị bằng registerAgency trước khi gửi."
    en
        "The sending agency is not in the directory."
        "The code in From/OrganId is well formed but not registered on the platform."
        "From/OrganId is 000.00.99.H53; the directory has no such unit."
        "Check the code, or register the unit with registerAgency before sending.";
    SENDER_NOT_YOURS
    vi
        "Hệ thống gọi không được gửi thay cho cơ quan này."
        "Cơ quan ở From không phải thành viên đang gọi và không trực thuộc thành viên đó."
        "LGSP của tỉnh H53 gửi văn bản ghi From là 000.00.00.G14."
        "Gửi từ hệ thống của chính cơ quan đó, hoặc đề nghị cấp quyền đại diện."
    en
        "The caller does not speak for this sender."
        "The agency in From is neither the calling member nor below it."
        "The LGSP of province H53 hands in a document with From 000.00.00.G14."
        "Send from that agency's own system, or ask for the right to speak for it.";
    SENDER_DISSOLVED
    vi
        "Cơ quan gửi đã giải thể hoặc sáp nhập."
        "Mã của cơ quan gửi hết hiệu lực trước ngày gửi; danh bạ ghi cơ quan kế thừa nếu có."
        "Mã của một tỉnh đã sáp nhập từ 01/7/2025 được dùng sau ngày đó."
        "Dùng mã của cơ quan kế thừa nêu trong phần chi tiết."
    en
        "The sending agency was dissolved or merged."
        "The sender's code ended before the day of sending; the directory names a successor if \
         there is one."
        "The code of a province merged on 1 July 2025 is used after that day."
        "Use the code of the successor named in the detail.";
    NOT_YOUR_DOCUMENT
    vi
        "Văn bản này không thuộc hộp thư của hệ thống gọi."
        "DocId tồn tại nhưng nằm trong hộp thư đến hoặc đi của cơ quan mà hệ thống gọi không đại \
         diện."
        "Hệ thống của H41 gọi getEdoc với DocId của văn bản gửi cho H53."
        "Lấy DocId từ getReceivedEdocList của chính hệ thống mình."
    en
        "This document is not in a mailbox of the caller."
        "The DocId exists, in the inbox or outbox of an agency that the caller does not speak for."
        "The system of H41 calls getEdoc with the DocId of a document sent to H53."
        "Take DocIds from getReceivedEdocList of your own system.";
}
